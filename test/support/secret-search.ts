/** Searches what a run leaves behind for its passwords and private keys. */
import { appendFileSync, rmSync } from 'node:fs'
import { open, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A secret in each form in which it could show, by its name. Never in the message of a failure. */
export type Needles = ReadonlyMap<string, readonly string[]>

/** Long enough to be found in one line of a PEM text, whatever comes before it. */
const SLICE = 48
const PIECE_BYTES = 1 << 24

/** What the plugin has printed since the first test: it is read by the last one. */
const OUTPUT = join(tmpdir(), `cass-sni-e2e-output-${process.pid}`)
process.on('exit', () => rmSync(OUTPUT, { force: true }))

/** Keeps what the plugin printed, unless it was told to print a password, which `bundle create` never does. */
export function keepOutput(args: readonly string[], text: string): void {
  if (args[0] === 'bundle' || !args.includes('--with-password'))
    appendFileSync(OUTPUT, `$ ${args.join(' ')}\n${text}`, { mode: 0o600 })
}

/** The forms of a password: as it is, as in JSON and as in a Secret. */
export function passwordForms(password: string): string[] {
  return [password, JSON.stringify(password).slice(1, -1), Buffer.from(password).toString('base64')]
}

/**
 * The forms of a private key, PKCS#8 DER: a line of its PEM text, also within a Secret, and bytes in hexadecimal. They
 * are of the secret part: of the primes of an RSA key, which follow its public modulus, and near the beginning of a key
 * for P-256.
 */
export function keyForms(der: Buffer): string[] {
  const isRsa = der.length > 600
  const lines = der.toString('base64').match(/.{64}/g) ?? []
  const line = lines[isRsa ? Math.floor(lines.length * 0.6) : 1]
  if (line === undefined) throw new Error(`a key of ${der.length} bytes is too short to search for`)
  const inSecret = [0, 1, 2].map((offset) =>
    Buffer.from(' '.repeat(offset) + line)
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, SLICE),
  )
  const start = isRsa ? Math.floor(der.length * 0.6) : 40
  const bytes = der.subarray(start, start + 24)
  return [line.slice(0, SLICE), bytes.toString('hex'), ...inSecret]
}

/** The names of the secrets that a text contains. */
export function secretsIn(text: string, needles: Needles): string[] {
  return [...needles].filter(([, forms]) => forms.some((form) => text.includes(form))).map(([name]) => name)
}

/** The same for a file of any size. */
export async function secretsInFile(file: string, needles: Needles): Promise<string[]> {
  const handle = await open(file)
  const found = new Set<string>()
  try {
    let rest = ''
    for await (const piece of handle.createReadStream({ encoding: 'latin1', highWaterMark: PIECE_BYTES })) {
      for (const name of secretsIn(rest + String(piece), needles)) found.add(name)
      rest = String(piece).slice(-256)
    }
  } finally {
    await handle.close().catch(() => undefined)
  }
  return [...found]
}

/** What the plugin has printed so far. */
export const secretsInOutput = (needles: Needles): Promise<string[]> => secretsInFile(OUTPUT, needles)

/** "file: secrets", for each file below a directory that has some. */
export async function secretsBelow(directory: string, needles: Needles): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = join(entry.parentPath, entry.name)
    const names = await secretsInFile(file, needles)
    if (names.length > 0) found.push(`${file}: ${names.join(', ')}`)
  }
  return found
}

/** The secrets in the arguments of any process of this machine while the work is done, and the number of looks. */
export async function secretsInArguments(
  needles: Needles,
  work: () => Promise<unknown>,
): Promise<{ found: string[]; looks: number; seen: (word: string) => boolean }> {
  const found = new Set<string>()
  const commands = new Set<string>()
  let looks = 0
  let done = false
  const watching = (async () => {
    while (!done) {
      looks += 1
      const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      // A process may have ended.
      const lines = await Promise.all(processes.map((id) => readFile(`/proc/${id}/cmdline`, 'latin1').catch(() => '')))
      for (const line of lines) {
        commands.add(line)
        for (const name of secretsIn(line, needles)) found.add(name)
      }
      await sleep(20)
    }
  })()
  try {
    await work()
  } finally {
    done = true
    await watching
  }
  return { found: [...found], looks, seen: (word) => [...commands].some((line) => line.includes(word)) }
}
