/**
 * A client's side of a WebSocket (RFC 6455) for streams: parts of messages are delivered as they arrive, large messages
 * are written without a copy; monitors the peer.
 *
 * Frames are not compressed, and masked with zeros: masking protects plaintext proxies from browser scripts (§10.3) and
 * costs a pass over all data.
 */
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers'
import { durationText } from '../text/duration-text.ts'

/** In bytes. Kubelet and API server send 32 KiB at a time. */
const LARGEST_MESSAGE = 8 * 1024 * 1024
/** Load balancers close idle connections, the strictest after 60 s. */
const CHECK_MS = 10_000
/** Checks without a sign of the peer before a ping. */
const IDLE_CHECKS = 2
/** Checks after an unanswered ping until the connection is considered dead. */
const PING_CHECKS = 1
/**
 * Kubelet reads no pings while the pod accepts no data (its loop writes to a pipe: k8s.io/streaming
 * pkg/httpstream/wsstream/conn.go). Beyond this many bytes, more than buffers hold, the response may take longer.
 */
const BULK_BYTES = 64 * 1024
const BULK_CHECKS = 30
/** How long the peer may take to close the connection. */
const CLOSE_MS = 2000

const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 10
const FIN = 0x80
const RESERVED = 0x70
const MASKED = 0x80
const MASK_BYTES = 4
const LARGEST_CONTROL = 125
/** Messages up to this size are copied into one buffer, which costs less than several writes. */
const LARGEST_COPY = 4096

/** After `failed` or `closed` nothing else is reported, and nothing after `terminate`. */
export interface WebSocketEvents {
  /** Part of a message. `first`: the message begins with it. */
  received(part: Buffer, first: boolean): void
  /** The connection broke. */
  failed(why: string, cause?: unknown): void
  /** The remote end closed the connection; `why` if that was irregular. */
  closed(why?: string): void
}

export class WebSocket {
  readonly protocol: string
  readonly #socket: Socket
  #events: WebSocketEvents | undefined
  #timer: NodeJS.Timeout | undefined
  #isOpen = true
  #isPaused = false
  #closing: NodeJS.Timeout | undefined
  /** Header of the current frame; up to 10 bytes. */
  readonly #header = Buffer.alloc(10)
  #headerBytes = 0
  /** Bytes of the current frame that have not arrived. */
  #rest = 0
  #messageBytes = 0
  #control: Buffer | undefined
  /** Checks since the last sign of the peer, and since an unanswered ping. */
  #silentChecks = 0
  #pingChecks: number | undefined
  #sentBytes = 0

  /** `socket` is paused after the handshake. */
  constructor(socket: Socket, protocol: string) {
    this.#socket = socket
    this.protocol = protocol
    // reported once there is a receiver: the stream is destroyed then
    socket.on('error', (error) => this.#fail(error.message, error))
  }

  /** Starts to read. Called once. */
  attach(events: WebSocketEvents): void {
    this.#events = events
    this.#timer = setInterval(() => this.#check(), CHECK_MS).unref()
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('end', () => this.#closed(1006, ''))
    this.#socket.on('close', () => this.#closed(1006, ''))
    if (this.#socket.destroyed) process.nextTick(() => this.#closed(1006, ''))
    this.#socket.resume()
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Bytes that wait to be sent. */
  get bufferedAmount(): number {
    return this.#socket.writableLength
  }

  /** Sends a binary message of `start` and `data`. `done` is called once it was passed to the system. */
  send(start: Buffer, data: Buffer[] = [], done?: (error?: Error | null) => void): void {
    const length = data.reduce((sum, { length }) => sum + length, start.length)
    this.#sentBytes += length
    if (length <= LARGEST_COPY) {
      this.#socket.write(frame(BINARY, length, start, ...data), done)
      return
    }
    // TLS makes one copy of all parts
    this.#socket.cork()
    this.#socket.write(frame(BINARY, length, start))
    for (const [index, part] of data.entries()) this.#socket.write(part, index === data.length - 1 ? done : undefined)
    this.#socket.uncork()
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  /** Closes the connection regularly; `closed` follows. */
  close(): void {
    if (!this.#isOpen || this.#closing !== undefined) return
    this.#socket.end(closeFrame(1000))
    this.#closing = setTimeout(() => this.#closed(1000, ''), CLOSE_MS).unref()
  }

  /** Closes the connection without waiting. */
  terminate(): void {
    this.#isOpen = false
    clearInterval(this.#timer)
    clearTimeout(this.#closing)
    this.#events = undefined
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#alive()
    for (let at = 0; at < chunk.length && this.#isOpen; ) {
      const missing = headerLength(this.#header, this.#headerBytes) - this.#headerBytes
      if (missing > 0) {
        const copied = chunk.copy(this.#header, this.#headerBytes, at, at + missing)
        this.#headerBytes += copied
        at += copied
        if (this.#headerBytes === headerLength(this.#header, this.#headerBytes)) this.#begin()
      } else {
        const part = chunk.subarray(at, at + this.#rest)
        at += part.length
        this.#continue(part)
      }
    }
  }

  get #opcode(): number {
    return (this.#header[0] ?? 0) & 0x0f
  }

  #begin(): void {
    const [start = 0, second = 0] = this.#header
    const length = second & 0x7f
    if (length === 126) this.#rest = this.#header.readUInt16BE(2)
    else this.#rest = length === 127 ? Number(this.#header.readBigUInt64BE(2)) : length
    const opcode = this.#opcode
    const isControl = opcode >= CLOSE
    if (opcode === BINARY || opcode === TEXT) this.#messageBytes = 0
    const isValid = isControl
      ? opcode <= PONG && this.#rest <= LARGEST_CONTROL && (start & FIN) !== 0
      : opcode <= BINARY
    // no extension is in use, and only clients mask
    if (!isValid || (start & RESERVED) !== 0 || (second & MASKED) !== 0) this.#fail('invalid WebSocket frame')
    else if (this.#messageBytes + this.#rest > LARGEST_MESSAGE) this.#fail('message too large')
    else {
      if (isControl) this.#control = Buffer.alloc(this.#rest)
      if (this.#rest === 0) this.#end()
    }
  }

  #continue(part: Buffer): void {
    if (this.#control === undefined) {
      const first = this.#messageBytes === 0
      this.#messageBytes += part.length
      this.#rest -= part.length
      // before the receiver, which may close the connection
      if (this.#rest === 0) this.#end()
      this.#events?.received(part, first)
      return
    }
    part.copy(this.#control, this.#control.length - this.#rest)
    this.#rest -= part.length
    if (this.#rest === 0) this.#end()
  }

  #end(): void {
    const payload = this.#control
    this.#control = undefined
    this.#headerBytes = 0
    if (payload === undefined) return
    if (this.#opcode === PING && this.#isOpen) this.#socket.write(frame(PONG, payload.length, payload))
    if (this.#opcode !== CLOSE) return
    if (this.#closing === undefined) this.#socket.end(closeFrame(1000))
    // a close frame without a code is a regular end (§7.4.1)
    if (payload.length < 2) this.#closed(1005, '')
    else this.#closed(payload.readUInt16BE(), payload.toString('utf8', 2))
  }

  #fail(why: string, cause?: unknown): void {
    const events = this.#events
    if (events === undefined) return
    this.terminate()
    events.failed(why, cause)
  }

  #closed(code: number, reason: string): void {
    const events = this.#events
    if (events === undefined) return
    this.#events = undefined
    this.#isOpen = false
    clearInterval(this.#timer)
    clearTimeout(this.#closing)
    // what was written before is sent
    this.#socket.destroySoon()
    events.closed(closeReason(code, reason))
  }

  #alive(): void {
    this.#silentChecks = 0
    this.#pingChecks = undefined
    this.#sentBytes = 0
  }

  /** A lost peer sends no error: without data or a response to a ping, it is considered dead. */
  #check(): void {
    // no response can arrive while reading is paused
    if (this.#isPaused) this.#alive()
    this.#silentChecks += 1
    if (this.#pingChecks === undefined) {
      if (this.#silentChecks < IDLE_CHECKS) return
      this.#pingChecks = 0
      this.#socket.write(frame(PING, 0))
      return
    }
    this.#pingChecks += 1
    if (this.#pingChecks < (this.#sentBytes > BULK_BYTES ? BULK_CHECKS : PING_CHECKS)) return
    const seconds = durationText(CHECK_MS * this.#pingChecks)
    // after this process was stopped, the response may be there and not have been read
    setImmediate(() => {
      if (this.#pingChecks !== undefined) this.#fail(`no response from the API server for ${seconds}`)
    })
  }
}

/** The length of a header of which `known` bytes are known. */
function headerLength(header: Buffer, known: number): number {
  if (known < 2) return 2
  const length = (header[1] ?? 0) & 0x7f
  if (length < 126) return 2
  return length === 126 ? 4 : 10
}

/** A frame with a mask of zeros and `length` bytes of data, up to and including these parts of it. */
function frame(opcode: number, length: number, ...parts: Buffer[]): Buffer {
  const extended = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8
  let at = 2 + extended + MASK_BYTES
  const start = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + part.length, at))
  start[0] = FIN | opcode
  start[1] = MASKED | (extended === 0 ? length : extended === 2 ? 126 : 127)
  if (extended === 2) start.writeUInt16BE(length, 2)
  if (extended === 8) start.writeBigUInt64BE(BigInt(length), 2)
  start.fill(0, at - MASK_BYTES, at)
  for (const part of parts) at += part.copy(start, at)
  return start
}

function closeFrame(code: number): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return frame(CLOSE, payload.length, payload)
}

/** Close codes of a regular end: "normal closure", and a close frame without a code (§7.4.1). */
const CLEAN_CODES: ReadonlySet<number> = new Set([1000, 1005])
const CLOSE_CODES: ReadonlyMap<number, string> = new Map([
  [1001, 'remote end is going away'],
  [1002, 'protocol error'],
  [1006, 'connection to the API server lost'],
  [1009, 'message too big'],
  [1011, 'internal error at the remote end'],
])

/** The reason for an irregular close; undefined for a regular one. */
function closeReason(code: number, reason: string): string | undefined {
  if (CLEAN_CODES.has(code)) return undefined
  const words = CLOSE_CODES.get(code) ?? `WebSocket closed with code ${code}`
  return reason === '' ? words : `${words}: ${reason}`
}
