/** The steps of a workflow as plain lines, for logs and pipes. */
import type { Palette, Symbols } from './color.ts'
import { type Means, type Progress, type ProgressEvent, stepText } from './steps.ts'
import { printableLine } from '../text/untrusted.ts'

/** One line when a step starts and ends, and one for each line of waiting that was not there before. */
export class PlainProgress implements Progress {
  readonly live = false
  readonly #stream: { write(text: string): unknown }
  readonly #paint: Palette
  readonly #symbols: Symbols
  readonly #running = new Map<string, { title: string; lines: Set<string> }>()

  constructor({ stream, paint, symbols }: Means) {
    this.#stream = stream
    this.#paint = paint
    this.#symbols = symbols
  }

  show(event: ProgressEvent): void {
    if (event.type === 'waiting') this.#wait(event.id, event.lines)
    else if (event.state === 'started') {
      this.#running.set(event.id, { title: event.title, lines: new Set() })
      this.#line(`${stepText(event)} …`)
    } else {
      this.#running.delete(event.id)
      const { ok, skip, fail } = this.#symbols
      const sign = { done: this.#paint.green(ok), skipped: this.#paint.dim(skip), failed: this.#paint.red(fail) }[
        event.state
      ]
      this.#line(`${sign} ${stepText(event)}`)
    }
  }

  #wait(id: string, lines: string[]): void {
    const step = this.#running.get(id)
    const texts = lines.map(printableLine)
    for (const text of texts) if (!step?.lines.has(text)) this.#line(`  ${text}`)
    if (step) step.lines = new Set(texts)
  }

  #line(text: string): void {
    this.#stream.write(`${text}\n`)
  }

  async pause(): Promise<void> {}

  resume(): void {}

  async end(failed: boolean): Promise<void> {
    const sign = failed ? this.#paint.red(this.#symbols.fail) : this.#paint.green(this.#symbols.ok)
    for (const { title } of this.#running.values()) this.#line(`${sign} ${printableLine(title)}`)
    this.#running.clear()
  }
}
