/** Runs the plugin's commands in this process, from src, as a shell would: words in, output and exit code out. */
import { fileURLToPath } from 'node:url'
import { Readable } from 'node:stream'
import { main } from '../../src/lib/cli/main.ts'

export interface CommandOptions {
  /** Added to the environment for the time of the run; undefined takes a variable away. */
  env?: Record<string, string | undefined>
  /** What standard input holds; by default it is empty. It is never a terminal. */
  stdin?: string
  /** Terminates the command once, as SIGTERM does, when stderr matches: sooner than --timeout, on any machine. */
  terminateAt?: RegExp
}

export interface CommandOutcome {
  stdout: string
  stderr: string
  exitCode: number
  /** The document on stdout; throws when it is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read results of every command
  json(): any
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Runs write to the one process: they wait for one another. */
let last: Promise<unknown> = Promise.resolve()

/** Runs one command to its end. The words are not split or joined again. Never rejects because of what the command does. */
export function runCommand(argv: string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  const running = last.then(() => runAlone(argv, options))
  last = running.catch(() => undefined)
  return running
}

async function runAlone(
  argv: string[],
  { env = {}, stdin = '', terminateAt }: CommandOptions,
): Promise<CommandOutcome> {
  const restore = [
    changeEnvironment({ NO_COLOR: '1', FORCE_COLOR: undefined, ...env }),
    replaceInput(stdin),
    ...[process.stdout, process.stderr].map((stream) => replaceProperty(stream, 'isTTY', false)),
  ]
  const stdout = capture(process.stdout)
  let terminated = false
  const stderr = capture(process.stderr, (text) => {
    if (terminated || terminateAt?.test(text) !== true) return
    terminated = true
    process.emit('SIGTERM', 'SIGTERM')
  })
  const exitCodeBefore = process.exitCode
  try {
    const exitCode = await main(argv, { root: ROOT })
    const text = stdout.text()
    return { stdout: text, stderr: stderr.text(), exitCode, json: () => JSON.parse(text) }
  } finally {
    stdout.end()
    stderr.end()
    for (const undo of restore) undo()
    // mocha's own exit code is told by the same property
    process.exitCode = exitCodeBefore
  }
}

function capture(stream: NodeJS.WriteStream, seen: (text: string) => void = () => {}): { text(): string; end(): void } {
  const parts: string[] = []
  const original = stream.write
  stream.write = ((chunk: string | Uint8Array, encodingOrDone?: unknown, done?: unknown) => {
    parts.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8'))
    const written = typeof encodingOrDone === 'function' ? encodingOrDone : done
    if (typeof written === 'function') process.nextTick(written as () => void)
    seen(parts.join(''))
    return true
  }) as typeof stream.write
  return {
    text: () => parts.join(''),
    end: () => {
      stream.write = original
    },
  }
}

function changeEnvironment(changes: Record<string, string | undefined>): () => void {
  const before = Object.fromEntries(Object.keys(changes).map((name) => [name, process.env[name]]))
  const set = (values: Record<string, string | undefined>) => {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
  set(changes)
  return () => set(before)
}

function replaceInput(text: string): () => void {
  return replaceProperty(
    process,
    'stdin',
    Object.assign(Readable.from(text === '' ? [] : [Buffer.from(text)]), { isTTY: false, fd: 0 }),
  )
}

function replaceProperty(on: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(on, name)
  Object.defineProperty(on, name, { value, configurable: true, writable: true })
  return () => {
    if (before === undefined) Reflect.deleteProperty(on, name)
    else Object.defineProperty(on, name, before)
  }
}
