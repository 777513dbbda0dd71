/** The steps of a workflow as plain lines, for logs and pipes. */
import type { Palette, Symbols } from './color.ts'
import { CUT_SHORT, type Ending, type ProgressOptions, type Progress, type ProgressEvent, stepText } from './steps.ts'
import { printableLine } from '../text/untrusted.ts'

/** Writes one line when a step starts, one when it ends, and one for each new line of what it waits for. */
export class PlainProgress implements Progress {
  readonly live = false
  readonly #stream: { write(text: string): unknown }
  readonly #paint: Palette
  readonly #symbols: Symbols
  readonly #running = new Map<string, { title: string; lines: Set<string> }>()

  constructor({ stream, paint, symbols }: ProgressOptions) {
    this.#stream = stream
    this.#paint = paint
    this.#symbols = symbols
  }

  show(event: ProgressEvent): void {
    if (event.type === 'waiting') this.#wait(event.id, event.lines)
    else if (event.state === 'started') {
      this.#running.set(event.id, { title: event.title, lines: new Set() })
      this.#line(`${stepText(event)} ${this.#symbols.more}`)
    } else {
      this.#running.delete(event.id)
      const { ok, skip, fail } = this.#symbols
      const symbol = { done: this.#paint.green(ok), skipped: this.#paint.dim(skip), failed: this.#paint.red(fail) }[
        event.state
      ]
      this.#line(`${symbol} ${stepText(event)}`)
    }
  }

  #wait(id: string, lines: string[]): void {
    const step = this.#running.get(id)
    const texts = lines.map(printableLine)
    for (const text of texts) if (!step?.lines.has(text)) this.#line(`  ${text}`)
    if (step) step.lines = new Set(texts)
  }

  #line(text: string): void {
    // Shortened texts contain an ellipsis as well.
    this.#stream.write(`${text.replaceAll('…', this.#symbols.more)}\n`)
  }

  async pause(): Promise<void> {}

  resume(): void {}

  async end(how: Ending): Promise<void> {
    const note = how === 'skipped' ? CUT_SHORT : undefined
    for (const [id, { title }] of [...this.#running]) this.show({ type: 'step', id, title, state: how, note })
  }
}
