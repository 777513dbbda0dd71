/** A running `routes sync --watch -o json`, and its lines. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Line {
  kind: string
  result: { time: string; event: string; nodes?: { pod: string; hostId?: string; state: string }[]; tookMs?: number }
  changes?: { action: string; object: string }[]
  error?: { code: string; message: string }
}

/** A line of this event. */
export const event =
  (name: string) =>
  (line: Line): boolean =>
    line.result.event === name

/** A line with this change. */
export const about =
  (object: string, action: string) =>
  (line: Line): boolean =>
    line.changes?.some((change) => change.object.endsWith(object) && change.action === action) === true

export class Watching {
  readonly #child: ChildProcess
  readonly text: string[] = []
  stderr = ''
  #read = 0

  constructor(command: string, args: string[], env: Record<string, string | undefined> = process.env) {
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...env, NO_COLOR: '1' } })
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.text.push(line))
    this.#child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      this.stderr += part
    })
  }

  /** The next line that fits, of -o json; those before it are passed over. */
  async line(fits: (line: Line) => boolean, timeoutMs = 30_000): Promise<Line> {
    const end = performance.now() + timeoutMs
    while (performance.now() < end) {
      while (this.#read < this.text.length) {
        const line: Line = JSON.parse(this.text[this.#read++] ?? '')
        if (fits(line)) return line
      }
      await sleep(10)
    }
    throw new Error(`no such line; stdout:\n${this.text.join('\n')}\nstderr:\n${this.stderr}`)
  }

  /** Ends it as Ctrl-C does. Resolves with the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    if (this.#child.exitCode === null) {
      this.#child.kill(signal)
      await once(this.#child, 'close')
    }
    return this.#child.exitCode
  }
}
