/** Runs the corpus through a shell: most cases in one process, some in their own. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Case, ProcessCase } from './case.ts'
import { FILES, SCHEMA } from './schema.ts'
import { canonicalOutput, withoutChance } from './canonical-output.ts'
import type { Outcome, RunOptions } from '../lab.ts'

/** One of the two shells. */
export interface CorpusShell {
  /** Of its own: both write. The same length for both, so that columns are as wide. */
  keyspace: string
  /** Flags with which it goes on after a mistake, as cqlsh always does. */
  goOn: string[]
  run(args: string[], options?: RunOptions): Promise<Outcome>
  /** A directory of its own for its files. */
  directory: string
  /** Its errors in the form that both have. */
  errors(stderr: string): string
}

/** What a case printed, in the form that both shells have. */
export interface Printed {
  stdout: string
  stderr: string
  'exit code': string
}

/** Makes the schema and the files of the corpus for a shell. Throws when that fails. */
export async function prepare({ keyspace, directory, run }: CorpusShell, schemaBy: CorpusShell['run'] = run) {
  await mkdir(directory, { recursive: true })
  const fill = filler({ keyspace, directory })
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(directory, name), fill(text))
  const file = join(directory, 'schema.cql')
  await writeFile(file, fill(SCHEMA))
  const { exitCode, stderr } = await schemaBy(['-f', file])
  if (exitCode !== 0) throw new Error(`the schema of the corpus: ${stderr}`)
}

/** Runs the cases in one process, each between two marks. By id; a case that was never reached is missing. */
export async function printedTogether(shell: CorpusShell, cases: readonly Case[]): Promise<Map<string, Printed>> {
  const fill = filler(shell)
  const text = cases.map(
    ({ input }, index) =>
      `${input}\nSELECT v AS "mark-${index}" FROM {ks}.mark;\nSELECT v FROM {ks}.mark_${index}_end;\n`,
  )
  const file = join(shell.directory, 'cases.cql')
  await writeFile(file, fill(`USE {ks};\n${text.join('')}`))
  const { stdout, stderr } = await shell.run(['-f', file, ...shell.goOn])
  const outputs = piecesBefore(stdout, /\n mark-(\d+)\n-+\n +x *\n\n\(1 rows?\)\n/g)
  const errors = piecesBefore(stderr, /^.*\bmark_(\d+)_end\b.*\n/gm)
  const printed = new Map<string, Printed>()
  for (const [index, each] of cases.entries()) {
    const [output, error] = [outputs.get(index), errors.get(index)]
    if (output !== undefined && error !== undefined)
      printed.set(each.id, printedBy(shell, each, { stdout: output, stderr: error, exitCode: 0 }))
  }
  return printed
}

/** Runs one case in its own process. */
export async function printedAlone(shell: CorpusShell, each: ProcessCase): Promise<Printed> {
  const fill = filler(shell)
  const flags = (each.flags ?? []).map(fill)
  const input = each.bytes === undefined ? fill(each.input) : Buffer.from(fill(each.bytes.toString('latin1')), 'latin1')
  if (each.by === '-e')
    return printedBy(shell, each, await shell.run([...flags, '-e', String(input)], { stdin: each.stdin ?? '' }))
  if (each.by === 'pipe') return printedBy(shell, each, await shell.run(flags, { stdin: String(input) }))
  const file = join(shell.directory, 'alone.cql')
  await writeFile(file, input)
  return printedBy(shell, each, await shell.run([...flags, '-f', file]))
}

function printedBy(shell: CorpusShell, each: Case, outcome: Pick<Outcome, 'stdout' | 'stderr' | 'exitCode'>): Printed {
  const neutral = (text: string): string =>
    withoutChance(text)
      .replaceAll(shell.directory, '{dir}')
      .replaceAll(shell.keyspace, '{ks}')
      .replaceAll(shell.keyspace.toUpperCase(), '{KS}')
  const { reduce = (text) => text, unordered } = each
  const output = reduce(canonicalOutput(neutral(outcome.stdout)))
  return {
    stdout: unordered === true ? output.split('\n').sort().join('\n').trim() : output,
    stderr: reduce(neutral(shell.errors(outcome.stderr))),
    'exit code': String(outcome.exitCode),
  }
}

function filler({ keyspace, directory }: Pick<CorpusShell, 'keyspace' | 'directory'>): (text: string) => string {
  return (text) =>
    text.replaceAll('{ks}', keyspace).replaceAll('{KS}', keyspace.toUpperCase()).replaceAll('{dir}', directory)
}

/** What stands before each mark, by the number in the mark. */
function piecesBefore(text: string, mark: RegExp): Map<number, string> {
  const pieces = new Map<number, string>()
  let end = 0
  for (const found of text.matchAll(mark)) {
    pieces.set(Number(found[1]), text.slice(end, found.index))
    end = found.index + found[0].length
  }
  return pieces
}
