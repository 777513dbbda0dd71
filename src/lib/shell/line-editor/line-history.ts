/** The lines entered so far, with a position in them. Pure. */

const KEPT = 1_000

export class LineHistory {
  /** Oldest first. */
  readonly #entries: string[]
  /** Index of the shown entry; the number of entries means the line being typed. */
  #position: number
  /** Edits of entries that were not submitted. */
  readonly #changed = new Map<number, string>()

  /** @param entries oldest first */
  constructor(entries: readonly string[]) {
    this.#entries = [...entries]
    this.#position = this.#entries.length
  }

  /** Oldest first. */
  entries(): string[] {
    return [...this.#entries]
  }

  /** Adds a line unless it is blank, and removes an equal older one. */
  add(line: string): void {
    if (line.trim() !== '') {
      const twin = this.#entries.lastIndexOf(line)
      if (twin !== -1) this.#entries.splice(twin, 1)
      this.#entries.push(line)
      if (this.#entries.length > KEPT) this.#entries.shift()
    }
    this.rewind()
  }

  /** Replaces the last lines with others. */
  replaceLast(lines: readonly string[], by: readonly string[]): void {
    for (const line of lines) {
      const index = this.#entries.lastIndexOf(line)
      if (index !== -1) this.#entries.splice(index, 1)
    }
    for (const line of by) this.add(line)
    this.rewind()
  }

  /** Returns to the line being typed. */
  rewind(): void {
    this.#changed.clear()
    this.#position = this.#entries.length
  }

  /** Moves by this many entries and returns the entry, or undefined at the end. Keeps edits in `current`. */
  move(by: number, current: string): string | undefined {
    const target = this.#position + by
    if (target < 0 || target > this.#entries.length) return undefined
    return this.#goTo(target, current)
  }

  /** Moves to the oldest entry, or to the line being typed. */
  moveToEnd(end: 'first' | 'last', current: string): string {
    return this.#goTo(end === 'first' ? 0 : this.#entries.length, current)
  }

  /** Moves to the nearest entry in this direction that begins with the prefix and differs from the current line. */
  moveByPrefix(by: -1 | 1, prefix: string, current: string): string | undefined {
    for (let index = this.#position + by; index >= 0 && index < this.#entries.length; index += by) {
      const entry = this.#entries[index] ?? ''
      if (entry.startsWith(prefix) && entry !== current) return this.#goTo(index, current)
    }
    return undefined
  }

  /**
   * Returns the nearest entry in this direction that contains the text, starting with the one at the index, or
   * undefined.
   */
  find(text: string, from: number, by: -1 | 1): { index: number; entry: string } | undefined {
    for (
      let index = Math.min(from, this.#entries.length - 1);
      index >= 0 && index < this.#entries.length;
      index += by
    ) {
      const entry = this.#entries[index] ?? ''
      if (entry.includes(text)) return { index, entry }
    }
    return undefined
  }

  get position(): number {
    return this.#position
  }

  /** Moves to an entry found by a search. */
  select(index: number, current: string): void {
    this.#goTo(index, current)
  }

  #goTo(target: number, current: string): string {
    if (current !== (this.#entries[this.#position] ?? '')) this.#changed.set(this.#position, current)
    this.#position = target
    return this.#changed.get(target) ?? this.#entries[target] ?? ''
  }
}
