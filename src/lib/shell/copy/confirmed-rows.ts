/**
 * Where an import that was cut short can resume: rows are confirmed in any order, and all before the first that is not
 * need not be read again.
 */
export class ConfirmedRows {
  #first = 0
  readonly #later = new Set<number>()

  /** Number of rows before the first that is not confirmed. */
  get first(): number {
    return this.#first
  }

  /** @param row number of a row, from 0 */
  confirm(row: number): void {
    if (row !== this.#first) {
      this.#later.add(row)
      return
    }
    do this.#first += 1
    while (this.#later.delete(this.#first))
  }
}
