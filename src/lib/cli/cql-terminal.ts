/** The streams of the CQL shell in this process: the source of statements and the sink of results. */
import type { CassSniError, NextStep } from '../errors.ts'
import type { Palette } from '../output/color.ts'
import type { Cqlshrc } from '../shell/cqlshrc.ts'
import type { ResultSink } from '../shell/results.ts'
import type { TableColors } from '../shell/row-table.ts'
import type { StatementSource } from '../shell/statement-source.ts'
import type { Run } from './base-command.ts'

export interface CqlTerminalOptions {
  statements: string | undefined
  file: string | undefined
  /** Statements are typed on a terminal. */
  interactive: boolean
  continueOnError: boolean
  color: 'auto' | 'always' | 'never'
  cqlshrc: Cqlshrc
}

export interface CqlTerminal {
  source: StatementSource
  sink: ResultSink
  /** Makes a sink for a file (CAPTURE); undefined when all results are one document. */
  fileSink: (() => ResultSink) | undefined
  write: (text: string) => Promise<void>
  note: (text: string) => void
  noteTerminal: boolean
  /** Results go to a terminal. */
  terminal: boolean
}

/** Returns the shell's source and sink for the streams of this process. */
export async function cqlTerminal(run: Run, options: CqlTerminalOptions): Promise<CqlTerminal> {
  const { stdout, stderr, env } = process
  const [sources, { palette, wantsColor }, { errorText }] = await Promise.all([
    import('../shell/statement-source.ts'),
    import('../output/color.ts'),
    import('../output/messages.ts'),
  ])
  // [ui] color = on colors what goes to a terminal only: in a file or a pipe, escape codes would break the next reader.
  const color = options.color === 'auto' && options.cqlshrc.ui.color === false ? 'never' : options.color
  const errors = palette(wantsColor(color, env, stderr))
  const write = (text: string): Promise<void> => written(stdout, text)
  const note = (text: string): void => void stderr.write(text)
  const { sink, fileSink } = await resultSinks(run, color, options.cqlshrc)
  const stdin = () => process.stdin
  const script = {
    stdin,
    caret: stderr.isTTY === true,
    onError: options.continueOnError
      ? (error: CassSniError) => note(errorText(error, run.steps(error.next), errors))
      : undefined,
    onFailure: (error: CassSniError) => void write(sink.failed?.(error) ?? ''),
  }
  const source = (): StatementSource => {
    if (options.interactive)
      return sources.terminalSource(
        { input: process.stdin, output: stdout },
        {
          env,
          write,
          note,
          red: errors.red,
          historyDisabled: options.cqlshrc.history.disabled === true,
          completeKey: options.cqlshrc.ui.completeKey,
          steps: (next) => run.steps(next),
        },
      )
    if (options.statements !== undefined) return sources.textSource(options.statements, script)
    if (options.file !== undefined && options.file !== '-') return sources.fileSource(options.file, script)
    return sources.pipeSource(stdin(), script)
  }
  const [terminal, noteTerminal] = [stdout.isTTY === true, stderr.isTTY === true]
  return { source: source(), sink, fileSink, write, note, noteTerminal, terminal }
}

/** Where results go in the form of -o. */
async function resultSinks(
  run: Run,
  color: CqlTerminalOptions['color'],
  { ui }: Cqlshrc,
): Promise<Pick<CqlTerminal, 'sink' | 'fileSink'>> {
  const { stdout, env } = process
  const { csvSink, tableSink } = await import('../shell/results.ts')
  if (run.format === 'table') {
    const [{ width }, { palette, wantsColor }, { uiFormats }] = await Promise.all([
      import('../output/table.ts'),
      import('../output/color.ts'),
      import('../shell/ui-formats.ts'),
    ])
    const colors = wantsColor(color, env, stdout) ? tableColors(palette(true)) : undefined
    const formats = uiFormats(ui)
    return { sink: tableSink({ width, colors, formats }), fileSink: () => tableSink({ width, formats }) }
  }
  if (run.format === 'csv') {
    const { printable } = await import('../text/untrusted.ts')
    const asIs = (text: string): string => text
    return { sink: csvSink(stdout.isTTY === true ? printable : asIs), fileSink: () => csvSink(asIs) }
  }
  const [{ documentSink, linesSink }, { API_VERSION }] = await Promise.all([
    import('../shell/json-results.ts'),
    import('../output/envelope.ts'),
  ])
  const steps = (next: readonly NextStep[]): string[] => run.steps(next).map(({ text }) => text)
  if (run.format === 'jsonl') return { sink: linesSink(steps), fileSink: () => linesSink(steps) }
  const form = run.format === 'yaml' ? 'yaml' : 'json'
  const document = documentSink(form, { apiVersion: API_VERSION, kind: 'CqlResult' }, steps)
  run.writes(document)
  return { sink: document, fileSink: undefined }
}

/** The colors of Apache's cqlsh (apache/cassandra pylib/cqlshlib/displaying.py, DEFAULT_VALUE_COLORS). */
function tableColors({ bold, blue, green, magenta, red, yellow }: Palette): TableColors {
  const strong = (color: (text: string) => string) => (text: string) => bold(color(text))
  return {
    title: strong(magenta),
    text: strong(yellow),
    value: strong(green),
    blob: magenta,
    collection: strong(blue),
    null: strong(red),
  }
}

/** Resolves when the stream accepts more data or is closed, which aborts the run. */
async function written(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (text === '' || stream.write(text)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, done)
      resolve()
    }
    for (const event of ['drain', 'close', 'error']) stream.on(event, done)
  })
}
