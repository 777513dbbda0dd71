/**
 * The part of SPDY/3 that port forwarding uses (moby/spdystream spdy/types.go, read.go, write.go). It has no flow
 * control: spdystream ignores WINDOW_UPDATE.
 */

const HEADER_BYTES = 8
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
  headers: [name: string, value: string][],
  { first, fin }: { first: boolean; fin: boolean },
): Buffer {
  const texts = headers.flat()
  const blockBytes = texts.reduce((sum, text) => sum + 4 + Buffer.byteLength(text), 4)
  const start = first ? ZLIB_START.length : 0
  const frame = control(SYN_STREAM, fin ? FIN : 0, 10 + start + 5 + blockBytes + ZLIB_FLUSH.length)
  frame.writeUInt32BE(stream, HEADER_BYTES)
  let at = HEADER_BYTES + 10
  if (first) at += ZLIB_START.copy(frame, at)
  // a stored block: its length, the complement of that, and the bytes
  frame.writeUInt16LE(blockBytes, at + 1)
  frame.writeUInt16LE(~blockBytes & 0xffff, at + 3)
  at = frame.writeUInt32BE(headers.length, at + 5)
  for (const text of texts) {
    at = frame.writeUInt32BE(Buffer.byteLength(text), at)
    at += frame.write(text, at)
  }
  ZLIB_FLUSH.copy(frame, at)
  return frame
}

/** Ends a stream in both directions. */
export function resetFrame(stream: number): Buffer {
  const frame = control(RST_STREAM, 0, 8)
  frame.writeUInt32BE(stream, HEADER_BYTES)
  frame.writeUInt32BE(CANCEL, HEADER_BYTES + 4)
  return frame
}

function pingFrame(id: number): Buffer {
  const frame = control(PING, 0, 4)
  frame.writeUInt32BE(id, HEADER_BYTES)
  return frame
}

/** The beginning of a data frame. */
export function dataHeader(stream: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32BE(stream)
  header.writeUInt32BE(length, 4)
  return header
}

/** A control frame with a payload of zeros. */
function control(type: number, flags: number, length: number): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + length)
  frame.writeUInt32BE(CONTROL + VERSION * 0x1_0000 + type)
  frame.writeUInt32BE(flags * 0x100_0000 + length, 4)
  return frame
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
  readonly #header = Buffer.alloc(HEADER_BYTES)
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
    else if (type === PING && stream % 2 === 0) this.#events.pinged(pingFrame(stream))
  }
}
