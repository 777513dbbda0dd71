/** The CQL shell's two ends on this process: where statements come from, and where results go. */
import type { Cqlshrc } from '../shell/cqlshrc.ts'
import type { ResultSink } from '../shell/results.ts'
import type { StatementSource } from '../shell/statement-source.ts'
import type { Run } from './base-command.ts'

export interface CqlTerminalOptions {
  statements: string | undefined
  file: string | undefined
  /** Somebody types. */
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
}

/** The streams of this process as the shell sees them. */
export async function cqlTerminal(run: Run, options: CqlTerminalOptions): Promise<CqlTerminal> {
  const { stdin, stdout, stderr, env } = process
  const [sources, results, { width }, { palette, wantsColor }, { errorText }, { printable }] = await Promise.all([
    import('../shell/statement-source.ts'),
    import('../shell/results.ts'),
    import('../output/table.ts'),
    import('../output/color.ts'),
    import('../output/messages.ts'),
    import('../text/untrusted.ts'),
  ])
  // [ui] color = on colors what goes to a terminal only: in a file or a pipe, escape codes would break the next reader.
  const color = options.color === 'auto' && options.cqlshrc.ui.color === false ? 'never' : options.color
  const paint = palette(wantsColor(color, env, stdout))
  const errors = palette(wantsColor(color, env, stderr))
  const write = (text: string): Promise<void> => written(stdout, text)
  const note = (text: string): void => void stderr.write(text)
  const script = {
    caret: stderr.isTTY === true,
    onError: options.continueOnError
      ? (error: Parameters<typeof errorText>[0]) => note(errorText(error, run.steps(error.next), errors))
      : undefined,
  }
  const source = (): StatementSource => {
    if (options.interactive)
      return sources.terminalSource(
        { input: stdin, output: stdout },
        {
          env,
          write,
          note,
          red: errors.red,
          historyDisabled: options.cqlshrc.history.disabled === true,
          steps: (next) => run.steps(next),
        },
      )
    if (options.statements !== undefined) return sources.textSource(options.statements, { ...script, stdin })
    if (options.file !== undefined && options.file !== '-')
      return sources.fileSource(options.file, { ...script, stdin })
    return sources.pipeSource(stdin, script)
  }
  const asIs = (text: string): string => text
  const sink = (): ResultSink => {
    if (run.format === 'table') return results.tableSink(width, { title: paint.bold, null: paint.dim })
    if (run.format === 'csv') return results.csvSink(stdout.isTTY === true ? printable : asIs)
    return results.jsonSink()
  }
  const fileSinks: Record<string, () => ResultSink> = {
    table: () => results.tableSink(width, { title: asIs, null: asIs }),
    csv: () => results.csvSink(asIs),
  }
  return {
    source: source(),
    sink: sink(),
    fileSink: fileSinks[run.format],
    write,
    note,
    noteTerminal: stderr.isTTY === true,
  }
}

/** Resolves when the stream takes more, or is gone: the run is aborted then. */
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
