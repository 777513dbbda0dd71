/** Incremental search in the history (Ctrl-R), as in readline. Pure. */
import type { LineHistory } from './line-history.ts'

interface Step {
  query: string
  index: number
  entry: string
  failed: boolean
}

export class HistorySearch {
  readonly #history: LineHistory
  /** The last one is shown; Backspace removes it. */
  readonly #steps: Step[]
  #by: -1 | 1

  /** @param text the current line */
  constructor(history: LineHistory, text: string, by: -1 | 1) {
    this.#history = history
    this.#by = by
    this.#steps = [{ query: '', index: history.position, entry: text, failed: false }]
  }

  get #step(): Step {
    return this.#steps.at(-1) as Step
  }

  get query(): string {
    return this.#step.query
  }

  get index(): number {
    return this.#step.index
  }

  get entry(): string {
    return this.#step.entry
  }

  /** Index of the query in the entry. */
  get cursor(): number {
    return Math.max(0, this.entry.indexOf(this.query))
  }

  get prompt(): string {
    const { failed, query } = this.#step
    return `(${failed ? 'failed ' : ''}${this.#by === -1 ? 'reverse' : 'forward'}-i-search)\`${query}': `
  }

  type(text: string): void {
    this.#find(this.query + text, this.#step.index)
  }

  /** The next match in that direction. */
  again(by: -1 | 1, lastQuery: string): void {
    this.#by = by
    if (this.query === '') this.#find(lastQuery, this.#step.index)
    else this.#find(this.query, this.#step.index + by)
  }

  back(): void {
    if (this.#steps.length > 1) this.#steps.pop()
  }

  #find(query: string, from: number): void {
    const found = query === '' ? undefined : this.#history.find(query, from, this.#by)
    const { index, entry } = found ?? this.#step
    this.#steps.push({ query, index, entry, failed: found === undefined && query !== '' })
  }
}
