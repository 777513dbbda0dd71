/**
 * The part of SPDY/3 that port forwarding uses (moby/spdystream spdy/types.go, read.go, write.go). It has no flow
 * control: spdystream ignores WINDOW_UPDATE.
 */

export const DATA_HEADER_BYTES = 8
/** Control frames of a server are answers without headers, a few dozen bytes; data frames are not limited. */
const LARGEST_CONTROL = 64 * 1024

const CONTROL = 0x8000_0000
const VERSION = 3
const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const PING = 6
const GO_AWAY = 7
const FIN = 1
const CANCEL = 5

/**
 * Starts the compressed headers of a connection: zlib's header with a preset dictionary, and the checksum of SPDY's
 * (moby/spdystream spdy/dictionary.go). Blocks that are stored instead of compressed do not refer to the dictionary.
 */
const ZLIB_START = Buffer.from('7820e3c6a7c2', 'hex')
/** An empty stored block, which makes a decoder return what it has (zlib's Z_SYNC_FLUSH). */
const ZLIB_FLUSH = Buffer.from('000000ffff', 'hex')

/** Opens a stream. `first`: no other was opened on this connection. `fin`: this side will send no data. */
export function openFrame(
  stream: number,
  headers: Record<string, string>,
  { first, fin }: { first: boolean; fin: boolean },
): Buffer {
  const block = headerBlock(headers)
  const stored = Buffer.alloc(5)
  stored.writeUInt16LE(block.length, 1)
  stored.writeUInt16LE(~block.length & 0xffff, 3)
  const ids = Buffer.alloc(10)
  ids.writeUInt32BE(stream)
  return control(SYN_STREAM, fin ? FIN : 0, [ids, ...(first ? [ZLIB_START] : []), stored, block, ZLIB_FLUSH])
}

/** Ends a stream in both directions. */
export function resetFrame(stream: number): Buffer {
  const payload = Buffer.alloc(8)
  payload.writeUInt32BE(stream)
  payload.writeUInt32BE(CANCEL, 4)
  return control(RST_STREAM, 0, [payload])
}

/** Writes the header of a data frame of this length to a buffer that ends with the frame. */
export function writeDataHeader(buffer: Buffer, stream: number, length: number): void {
  const at = buffer.length - length - DATA_HEADER_BYTES
  buffer.writeUInt32BE(stream, at)
  buffer.writeUInt32BE(length, at + 4)
}

function control(type: number, flags: number, parts: Buffer[]): Buffer {
  const payload = Buffer.concat(parts)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(CONTROL + VERSION * 0x1_0000 + type)
  header.writeUInt32BE(flags * 0x100_0000 + payload.length, 4)
  return Buffer.concat([header, payload])
}

/** Returns the number of headers, then length and text of each name and value. */
function headerBlock(headers: Record<string, string>): Buffer {
  const texts = Object.entries(headers).flat()
  const parts = texts.flatMap((text) => [uint32(Buffer.byteLength(text)), Buffer.from(text)])
  return Buffer.concat([uint32(texts.length / 2), ...parts])
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

export interface FrameEvents {
  /** The server accepted a stream. */
  opened(stream: number): void
  /** Part of a data frame; the buffer belongs to the receiver. */
  data(stream: number, bytes: Buffer): void
  /** The server sends nothing more on this stream. */
  ended(stream: number): void
  reset(stream: number): void
  /** The server accepts no new streams. */
  goingAway(): void
  /** The frame to send in response to a ping. */
  pinged(response: Buffer): void
}

/** Decodes frames from chunks of any size, without collecting the data of a frame. */
export class FrameReader {
  readonly #events: FrameEvents
  readonly #header = Buffer.alloc(8)
  #headerBytes = 0
  /** Bytes of the current frame that have not arrived. */
  #rest = 0
  #control: Buffer | undefined

  constructor(events: FrameEvents) {
    this.#events = events
  }

  /** Throws an Error for bytes that are not SPDY/3. */
  read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#headerBytes < this.#header.length) {
        const copied = chunk.copy(this.#header, this.#headerBytes, at)
        this.#headerBytes += copied
        at += copied
        if (this.#headerBytes === this.#header.length) this.#begin()
      } else {
        const part = chunk.subarray(at, at + this.#rest)
        at += part.length
        this.#continue(part)
      }
    }
  }

  #begin(): void {
    this.#rest = this.#header.readUInt32BE(4) & 0xff_ffff
    if (this.#isControl) {
      if (this.#rest > LARGEST_CONTROL || (this.#header.readUInt16BE() & 0x7fff) !== VERSION)
        throw new Error('invalid SPDY frame')
      this.#control = Buffer.alloc(this.#rest)
    }
    if (this.#rest === 0) this.#end()
  }

  #continue(part: Buffer): void {
    if (this.#control === undefined) this.#events.data(this.#header.readUInt32BE(), part)
    else part.copy(this.#control, this.#control.length - this.#rest)
    this.#rest -= part.length
    if (this.#rest === 0) this.#end()
  }

  get #isControl(): boolean {
    return (this.#header[0] ?? 0) >= 0x80
  }

  #end(): void {
    const payload = this.#control
    this.#headerBytes = 0
    this.#control = undefined
    const fin = ((this.#header[4] ?? 0) & FIN) !== 0
    if (payload === undefined) {
      if (fin) this.#events.ended(this.#header.readUInt32BE())
      return
    }
    const type = this.#header.readUInt16BE(2)
    if (type === GO_AWAY) this.#events.goingAway()
    if (payload.length < 4) return
    const stream = payload.readUInt32BE()
    if (type === SYN_REPLY) {
      this.#events.opened(stream)
      if (fin) this.#events.ended(stream)
    } else if (type === RST_STREAM) this.#events.reset(stream)
    // even numbers are the server's own pings
    else if (type === PING && stream % 2 === 0) this.#events.pinged(control(PING, 0, [payload]))
  }
}
