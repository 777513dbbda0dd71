/** Reads files that a user names, whatever they are: a named pipe without a writer must not hold up an interruption. */
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { CassSniError, throwIfAborted } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import { pause } from '../waiting/poll.ts'

const PIECE_BYTES = 64 * 1024
const PAUSE_MS = 20

/**
 * The text of a file, piece by piece, as UTF-8. Throws CSNI104 when it cannot be read, or the signal's reason as soon
 * as that is aborted.
 */
export async function* readPieces(file: string, signal: AbortSignal): AsyncGenerator<string> {
  throwIfAborted(signal)
  try {
    // An anonymous pipe (/dev/fd/63, /dev/stdin) has its writer already.
    const named = !/^\/(dev|proc)\//.test(file) && (await stat(file)).isFIFO()
    if (named) yield* readNamedPipe(file, signal)
    else yield* createReadStream(file, { encoding: 'utf8', highWaterMark: PIECE_BYTES, signal })
  } catch (error) {
    throwIfAborted(signal)
    if (error instanceof CassSniError || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
    throw new CassSniError('CSNI104', `${file} cannot be read: ${systemError(error)}`, { object: file, cause: error })
  }
}

/** The whole text of a file. Errors as `readPieces`. */
export async function readText(file: string, signal: AbortSignal): Promise<string> {
  let text = ''
  for await (const piece of readPieces(file, signal)) text += piece
  return text
}

/**
 * Opening a pipe that nobody writes to blocks a thread for as long, and with it the end of the process. So it is opened
 * without blocking, where "no writer yet" and "the writer is gone" look alike: only after a writer was seen is it the
 * end.
 */
async function* readNamedPipe(file: string, signal: AbortSignal): AsyncGenerator<string> {
  const pipe = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  const decoder = new TextDecoder()
  const buffer = Buffer.allocUnsafe(PIECE_BYTES)
  try {
    for (let written = false; ; ) {
      const read = await readSome(pipe, buffer)
      if (read === 0 && written) return
      if (read === undefined || read > 0) written = true
      if (read !== undefined && read > 0) yield decoder.decode(buffer.subarray(0, read), { stream: true })
      else await pause(PAUSE_MS, signal)
    }
  } finally {
    await pipe.close()
  }
}

/** How many bytes were read; undefined when a writer has the pipe open and has written nothing since. */
async function readSome(pipe: FileHandle, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await pipe.read(buffer, 0, buffer.length, null)).bytesRead
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
