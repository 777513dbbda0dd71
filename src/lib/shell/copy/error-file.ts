/** The file for rows that could not be imported, in the form in which they were read. */
import { type FileHandle, open, rename } from 'node:fs/promises'
import { CassSniError } from '../../errors.ts'
import { systemError } from '../../text/system-errors.ts'

export class ErrorFile {
  readonly path: string
  readonly #line: (fields: string[]) => string
  #file: Promise<FileHandle> | undefined
  #tail: Promise<unknown> = Promise.resolve()

  /** @param line the line of a record */
  constructor(path: string, line: (fields: string[]) => string) {
    this.path = path
    this.#line = line
  }

  /** Moves what an earlier import left out of the way, as cqlsh does: to <path>.<date>_<time>. */
  async moveOldAside(now: Date): Promise<void> {
    const two = (value: number): string => String(value).padStart(2, '0')
    const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`
    const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`
    try {
      await rename(this.path, `${this.path}.${day}_${time}`)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw this.#failed(error)
    }
  }

  /** Adds rows. The file is made with the first. */
  add(records: string[][]): void {
    this.#tail = this.#tail.then(() => this.#write(records))
    // close() reports it
    this.#tail.catch(() => undefined)
  }

  async #write(records: string[][]): Promise<void> {
    try {
      this.#file ??= open(this.path, 'a')
      await (await this.#file).appendFile(records.map(this.#line).join(''))
    } catch (error) {
      throw this.#failed(error)
    }
  }

  #failed(error: unknown): CassSniError {
    return new CassSniError('CSNI104', `cannot write ${this.path}: ${systemError(error)}`, {
      object: this.path,
      cause: error,
    })
  }

  /** Resolves when all rows are written. Throws CSNI104 when they could not be. */
  async close(): Promise<void> {
    await this.#tail
    await (await this.#file)?.close()
  }
}
