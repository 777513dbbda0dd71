/** Reads files that a user names, whatever they are: a named pipe without a writer must not hold up an interruption. */
import { isUtf8 } from 'node:buffer'
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { TextDecoder } from 'node:util'
import { CassSniError, hint, throwIfAborted } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import { pause } from '../waiting/poll.ts'

const PIECE_BYTES = 64 * 1024
const PAUSE_MS = 20

/**
 * The text of a file, piece by piece. Throws CSNI104 when it cannot be read, CSNI107 when it is not text (see
 * `decoded`), or the signal's reason as soon as that is aborted.
 */
export function readPieces(file: string, signal: AbortSignal): AsyncGenerator<string> {
  return decoded(readBytes(file, signal), file)
}

async function* readBytes(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  throwIfAborted(signal)
  try {
    // An anonymous pipe (/dev/fd/63, /dev/stdin) has its writer already.
    const named = !/^\/(dev|proc)\//.test(file) && (await stat(file)).isFIFO()
    if (named) yield* readNamedPipe(file, signal)
    else yield* createReadStream(file, { highWaterMark: PIECE_BYTES, signal })
  } catch (error) {
    throwIfAborted(signal)
    if (error instanceof CassSniError || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
    throw new CassSniError('CSNI104', `${file} cannot be read: ${systemError(error)}`, { object: file, cause: error })
  }
}

/** Byte order marks of UTF-16, which editors on Windows write; UTF-8 has one too, and needs none. */
const UTF_16 = [
  { mark: Buffer.from([0xff, 0xfe]), encoding: 'utf-16le' },
  { mark: Buffer.from([0xfe, 0xff]), encoding: 'utf-16be' },
]

/**
 * Bytes as text: UTF-8, or UTF-16 with a byte order mark. A mark is left out, and no character is cut in two.
 * Throws CSNI107 with the line for anything else: what replaces a wrong byte would be stored as if it were meant.
 * @param name of the input in errors
 */
export async function* decoded(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  let line = 1
  let carried: Buffer = Buffer.alloc(0)
  let decoder: TextDecoder | undefined
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([carried, chunk])
    // The mark is two bytes.
    if (decoder === undefined && bytes.length < 2) {
      carried = bytes
      continue
    }
    decoder ??= new TextDecoder(encodingOf(bytes), { fatal: true })
    // Each piece of UTF-8 is whole characters, so that an error is in a line of this piece.
    const whole = decoder.encoding === 'utf-8' ? bytes.length - unfinished(bytes) : bytes.length
    const text = decode(decoder, bytes.subarray(0, whole), { name, line, more: true })
    carried = bytes.subarray(whole)
    line += text.split('\n').length - 1
    yield text
  }
  decoder ??= new TextDecoder('utf-8', { fatal: true })
  yield decode(decoder, carried, { name, line, more: false })
}

function encodingOf(bytes: Buffer): string {
  return UTF_16.find(({ mark }) => bytes.subarray(0, mark.length).equals(mark))?.encoding ?? 'utf-8'
}

/** How many bytes at the end begin a character of UTF-8 whose rest has not come yet. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}

interface Place {
  name: string
  /** Of the first byte, from 1. */
  line: number
  more: boolean
}

function decode(decoder: TextDecoder, bytes: Buffer, { name, line, more }: Place): string {
  try {
    return decoder.decode(bytes, { stream: more })
  } catch (cause) {
    const place = decoder.encoding === 'utf-8' ? `:${line + goodLines(bytes)}` : ''
    throw new CassSniError('CSNI107', `${name}${place}: not valid ${decoder.encoding.toUpperCase()}`, {
      object: name,
      next: [hint('convert the input to UTF-8, for example with iconv')],
      cause,
    })
  }
}

/** How many whole lines come before the first that is not UTF-8. */
function goodLines(bytes: Buffer): number {
  for (let start = 0, lines = 0; ; lines += 1) {
    const end = bytes.indexOf(0x0a, start)
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return lines
    start = end + 1
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
async function* readNamedPipe(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const pipe = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
  const buffer = Buffer.allocUnsafe(PIECE_BYTES)
  try {
    for (let written = false; ; ) {
      const read = await readSome(pipe, buffer)
      if (read === 0 && written) return
      if (read === undefined || read > 0) written = true
      if (read !== undefined && read > 0) yield Buffer.from(buffer.subarray(0, read))
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
