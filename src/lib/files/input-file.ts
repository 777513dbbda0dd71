/** Reads files given by the user, including named pipes: one without a writer must not block interruption. */
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
 * Yields the text of a file piece by piece. Throws CSNI104 if it cannot be read, CSNI107 if it is not text (see
 * `decoded`), or the signal's reason once aborted.
 */
export function readPieces(file: string, signal: AbortSignal): AsyncGenerator<string> {
  return decoded(readBytes(file, signal), file)
}

async function* readBytes(file: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  throwIfAborted(signal)
  try {
    // An anonymous pipe (/dev/fd/63, /dev/stdin) already has a writer.
    const named = !/^\/(dev|proc)\//.test(file) && (await stat(file)).isFIFO()
    if (named) yield* readNamedPipe(file, signal)
    else yield* createReadStream(file, { highWaterMark: PIECE_BYTES, signal })
  } catch (error) {
    throwIfAborted(signal)
    if (error instanceof CassSniError || typeof (error as NodeJS.ErrnoException).code !== 'string') throw error
    throw new CassSniError('CSNI104', `cannot read ${file}: ${systemError(error)}`, { object: file, cause: error })
  }
}

/** Byte order marks of UTF-16, as written by editors on Windows; the one of UTF-8 is optional. */
const UTF_16 = [
  { mark: Buffer.from([0xff, 0xfe]), encoding: 'utf-16le' },
  { mark: Buffer.from([0xfe, 0xff]), encoding: 'utf-16be' },
]

/**
 * Decodes UTF-8, or UTF-16 with a byte order mark. The mark is dropped, and no character is split.
 * Throws CSNI107 with the line for anything else, because a replacement character could be stored as data.
 * @param name of the input in errors
 */
export async function* decoded(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  let line = 1
  let carried: Buffer = Buffer.alloc(0)
  let decoder: TextDecoder | undefined
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([carried, chunk])
    // A mark has two bytes.
    if (decoder === undefined && bytes.length < 2) {
      carried = bytes
      continue
    }
    decoder ??= new TextDecoder(encodingOf(bytes), { fatal: true })
    // Decode whole characters of UTF-8 only, so that an error belongs to a line of this piece.
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

/** The number of trailing bytes that begin an incomplete UTF-8 character. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}

interface Position {
  name: string
  /** Of the first byte, from 1. */
  line: number
  more: boolean
}

function decode(decoder: TextDecoder, bytes: Buffer, { name, line, more }: Position): string {
  try {
    return decoder.decode(bytes, { stream: more })
  } catch (cause) {
    const position = decoder.encoding === 'utf-8' ? `:${line + goodLines(bytes)}` : ''
    throw new CassSniError('CSNI107', `${name}${position}: not valid ${decoder.encoding.toUpperCase()}`, {
      object: name,
      next: [hint('convert the input to UTF-8, for example with iconv')],
      cause,
    })
  }
}

/** The number of complete lines before the first that is not UTF-8. */
function goodLines(bytes: Buffer): number {
  for (let start = 0, lines = 0; ; lines += 1) {
    const end = bytes.indexOf(0x0a, start)
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return lines
    start = end + 1
  }
}

/** Reads a whole file. Throws CSNI104 if it cannot be read, or the signal's reason once aborted. */
export async function readBinary(file: string, signal: AbortSignal): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of readBytes(file, signal)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Reads the whole text of a file. Throws as `readPieces` does. */
export async function readText(file: string, signal: AbortSignal): Promise<string> {
  let text = ''
  for await (const piece of readPieces(file, signal)) text += piece
  return text
}

/**
 * Opening a pipe without a writer blocks a thread, and so the exit of the process. Therefore it is opened non-blocking,
 * where "no writer yet" and "writer closed" are indistinguishable: only once a writer has been seen is it the end of
 * the file.
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

/** The number of bytes read; undefined if a writer has the pipe open but has written nothing. */
async function readSome(pipe: FileHandle, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await pipe.read(buffer, 0, buffer.length, null)).bytesRead
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
