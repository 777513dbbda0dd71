/** Where COPY TO writes: a file that has its name only when it is whole, one after another of them, or stdout. */
import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { CassSniError } from '../../errors.ts'
import { systemError } from '../../text/system-errors.ts'

export interface OutputTarget {
  /** Number of files so far. */
  readonly files: number
  /** Resolves when more can be taken. Calls may overlap: texts are written one after another. */
  write(text: string): Promise<void>
  /** What comes from now on goes into the next file, <path>.1 and so on. */
  nextFile(): void
  /** All is written. */
  finish(): Promise<void>
  /** Nothing more comes. Resolves with the file that was not finished, if there is one. */
  abandon(): Promise<string | undefined>
}

export function stdoutTarget(write: (text: string) => Promise<void>): OutputTarget {
  return { files: 0, write, nextFile: () => undefined, finish: async () => undefined, abandon: async () => undefined }
}

/**
 * A file, or a series of them. An incomplete file is named <path>.partial; a pipe or device is written to directly.
 * Throws CSNI104 when a file cannot be written; for the first one before any rows are read.
 */
export async function fileTarget(path: string): Promise<OutputTarget> {
  const target = new FileTarget(path)
  await target.write('')
  return target
}

interface OpenFile {
  handle: FileHandle
  path: string
  /** Where it is written; the same for a pipe or device. */
  written: string
}

class FileTarget implements OutputTarget {
  readonly #path: string
  #files = 0
  #open: OpenFile | undefined
  #tail: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  get files(): number {
    return this.#files
  }

  write(text: string): Promise<void> {
    return this.#next(async () => {
      this.#open ??= await this.#begin()
      await this.#open.handle.writeFile(text)
    })
  }

  nextFile(): void {
    this.#next(() => this.#end()).catch(() => undefined)
  }

  finish(): Promise<void> {
    return this.#next(() => this.#end())
  }

  async abandon(): Promise<string | undefined> {
    await this.#tail.catch(() => undefined)
    await this.#open?.handle.close()
    return this.#open?.written
  }

  /** One after another; after an error nothing more is done. */
  #next(work: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(work).catch((error: unknown) => {
      throw error instanceof CassSniError ? error : this.#failed(error)
    })
    return this.#tail
  }

  async #begin(): Promise<OpenFile> {
    const path = this.#files === 0 ? this.#path : `${this.#path}.${this.#files}`
    this.#files += 1
    const written = (await isSpecial(path)) ? path : `${path}.partial`
    return { handle: await open(written, 'w'), path, written }
  }

  async #end(): Promise<void> {
    const file = this.#open
    if (file === undefined) return
    await file.handle.close()
    this.#open = undefined
    if (file.written === file.path) return
    try {
      await rename(file.written, file.path)
    } catch (error) {
      throw new CassSniError(
        'CSNI104',
        `cannot rename ${file.written}, which is complete, to ${file.path}: ${systemError(error)}`,
        { object: file.path, cause: error },
      )
    }
  }

  #failed(error: unknown): CassSniError {
    return new CassSniError('CSNI104', `cannot write ${this.#path}: ${systemError(error)}`, {
      object: this.#path,
      cause: error,
    })
  }
}

/** A pipe or device. Throws for a directory. */
async function isSpecial(path: string): Promise<boolean> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw Object.assign(new Error(path), { code: 'EISDIR' })
    return !found.isFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
