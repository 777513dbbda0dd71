/** The file that results are appended to while CAPTURE is on. */
import { type FileHandle, open } from 'node:fs/promises'
import { CassSniError } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import type { ResultSink } from './results.ts'

export class Capture {
  readonly file: string
  readonly sink: ResultSink
  readonly #handle: FileHandle

  private constructor(file: string, sink: ResultSink, handle: FileHandle) {
    this.file = file
    this.sink = sink
    this.#handle = handle
  }

  /** Opens the file for appending. Throws CSNI104 when that is not possible. */
  static async open(file: string, sink: ResultSink): Promise<Capture> {
    try {
      return new Capture(file, sink, await open(file, 'a'))
    } catch (error) {
      throw notWritten(file, error)
    }
  }

  /** Throws CSNI104. */
  async write(text: string): Promise<void> {
    try {
      await this.#handle.appendFile(text)
    } catch (error) {
      throw notWritten(this.file, error)
    }
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

function notWritten(file: string, cause: unknown): CassSniError {
  return new CassSniError('CSNI104', `cannot write ${file}: ${systemError(cause)}`, { object: file, cause })
}
