/**
 * Connections to ports of one pod in one WebSocket, each a pair of SPDY streams for data and errors
 * (k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go; the API server passes the bytes through:
 * k8s.io/apiserver/pkg/util/proxy/streamtunnel.go).
 *
 * The protocol has no flow control: data that one client does not read keeps the data of all others waiting, and a lost
 * WebSocket takes all of its streams along. So a WebSocket carries one connection at a time, and is used again when
 * that has ended. Its predecessors may only be lingering: their clients have ended and await the remote end.
 */
import { dataHeader, FrameReader, openFrame, resetFrame } from './spdy-frames.ts'
import type { PortStream, PortStreamEvents } from './tunnel.ts'
import type { WebSocket } from './websocket.ts'

export const SPDY_PROTOCOL = 'SPDY/3.1+portforward.k8s.io'

/** A lingering connection is considered silent after this time without data. */
const SILENT_MS = 10
/** How long the data of a lingering connection may keep another one waiting. */
const BLOCKED_MS = 1000
const LARGEST_ERROR = 64 * 1024

export interface SessionEvents {
  /** A connection is opened. */
  busy(): void
  /** No connection is left. */
  idle(): void
  /** A connection failed at the remote end, as all to a pod that was replaced do. */
  failed(): void
  closed(): void
}

export class SpdySession {
  readonly #socket: WebSocket
  readonly #frames: FrameReader
  /** By the ID of the data stream; that of the error stream is two less. */
  readonly #streams = new Map<number, SpdyStream>()
  readonly #blocking = new Set<SpdyStream>()
  readonly #events: SessionEvents
  #nextId = 1
  /** Streams that are not lingering. */
  #active = 0
  #receivedAt = 0
  #retired = false
  #ended = false

  /** Takes over a WebSocket that is open and paused. */
  constructor(socket: WebSocket, events: SessionEvents) {
    this.#socket = socket
    this.#events = events
    this.#frames = new FrameReader({
      opened: (id) => this.#streams.get(id)?.opened(),
      data: (id, bytes) => {
        const stream = this.#streams.get(id)
        this.#receivedAt = performance.now()
        if (stream !== undefined) stream.received(bytes, this.#receivedAt)
        else this.#streams.get(id + 2)?.errorText(bytes)
      },
      ended: (id) => this.#streamEnded(id),
      reset: (id) => this.#streamEnded(id),
      goingAway: () => this.retire(),
      pinged: (response) => this.#socket.send(response),
    })
    socket.attach({
      received: (part) => {
        try {
          this.#frames.read(part)
        } catch (error) {
          this.#break((error as Error).message, error)
        }
      },
      failed: (why, cause) => this.#break(why, cause),
      closed: (why = 'closed by the remote end') => this.#break(why),
    })
  }

  /** Whether a connection can be opened that no other one can delay. */
  get isAvailable(): boolean {
    if (this.#retired || !this.isOpen || this.#active > 0 || this.#blocking.size > 0) return false
    return this.isIdle || performance.now() - this.#receivedAt > SILENT_MS
  }

  get isIdle(): boolean {
    return this.#streams.size === 0
  }

  get isOpen(): boolean {
    return this.#socket.isOpen
  }

  get isPaused(): boolean {
    return this.#socket.isPaused
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  /** Requests a connection. */
  open(port: number): SpdyStream {
    const errorId = this.#nextId
    const dataId = errorId + 2
    this.#nextId += 4
    const stream = new SpdyStream(this, dataId)
    this.#streams.set(dataId, stream)
    this.#active += 1
    this.#events.busy()
    const headers = (type: string): [string, string][] => [
      ['streamtype', type],
      ['port', String(port)],
      ['requestid', String(errorId)],
    ]
    // in one message: one system call in each process on the way
    this.#socket.send(openFrame(errorId, headers('error'), { first: errorId === 1, fin: true }), [
      openFrame(dataId, headers('data'), { first: false, fin: false }),
    ])
    return stream
  }

  send(header: Buffer, data: Buffer[], done: (error?: Error | null) => void): void {
    this.#socket.send(header, data, done)
  }

  /** Stops reading until this stream's client takes its data. */
  block(stream: SpdyStream): void {
    this.#blocking.add(stream)
    this.#socket.pause()
  }

  unblock(stream: SpdyStream): void {
    if (this.#blocking.delete(stream) && this.#blocking.size === 0 && this.isOpen) this.#socket.resume()
  }

  /** Whether another stream waits while this one blocks. */
  isShared(): boolean {
    return this.#streams.size > 1
  }

  /** Called once a stream only awaits its end. */
  lingers(): void {
    this.#active -= 1
  }

  remove(dataId: number, stream: SpdyStream): void {
    if (!this.#streams.delete(dataId)) return
    if (!stream.isLingering) this.#active -= 1
    this.unblock(stream)
    if (this.isOpen) this.#socket.send(resetFrame(dataId))
    if (!this.isIdle) return
    if (this.#retired) this.close()
    else this.#events.idle()
  }

  /** Reports that a connection failed at the remote end. */
  failed(): void {
    this.retire()
    this.#events.failed()
  }

  /** Opens no more connections, and closes the WebSocket after the last. */
  retire(): void {
    this.#retired = true
    if (this.isIdle) this.close()
  }

  /** Closes the WebSocket without waiting for anything. */
  close(): void {
    this.#break('closed')
  }

  #streamEnded(id: number): void {
    const stream = this.#streams.get(id)
    if (stream !== undefined) stream.dataEnded()
    else this.#streams.get(id + 2)?.errorEnded()
  }

  #break(why: string, cause?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#retired = true
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    this.#socket.terminate()
    this.#events.closed()
    for (const stream of streams) stream.lost(why, cause)
  }
}

export class SpdyStream implements PortStream {
  /** Measured: kubelet and containerd take up to 8% less CPU time than with 32 KiB. */
  readonly largestData = 128 * 1024
  readonly #session: SpdySession
  readonly #id: number
  #events: PortStreamEvents | undefined
  /** Events before there is a receiver. */
  readonly #early: ((events: PortStreamEvents) => void)[] = []
  #settled: ((accepted: boolean) => void) | undefined
  #isAccepted = false
  #isClosed = false
  #isPaused = false
  #lingers = false
  #receivedAt = 0
  #error = ''
  #dataIsOver = false
  #errorIsOver = false
  #blocked: NodeJS.Timeout | undefined

  constructor(session: SpdySession, id: number) {
    this.#session = session
    this.#id = id
  }

  /**
   * Calls `settled` when the server has accepted the connection, or with false when the stream has ended before that.
   * Called once, right after the connection was requested.
   */
  whenAccepted(settled: (accepted: boolean) => void): void {
    this.#settled = settled
  }

  attach(events: PortStreamEvents): void {
    const start = (): void => {
      this.#events = events
      for (const report of this.#early.splice(0)) report(events)
    }
    if (this.#early.length === 0) start()
    // once the receiver has its own listeners
    else setImmediate(start)
  }

  get isOpen(): boolean {
    return !this.#isClosed && !this.#dataIsOver && this.#session.isOpen
  }

  /** Also while another stream keeps this one waiting. */
  get isPaused(): boolean {
    return this.#isPaused || this.#session.isPaused
  }

  get isLingering(): boolean {
    return this.#lingers
  }

  get bufferedAmount(): number {
    return this.#session.bufferedAmount
  }

  send(data: Buffer[], done: (error?: Error | null) => void): void {
    const length = data.reduce((sum, part) => sum + part.length, 0)
    this.#session.send(dataHeader(this.#id, length), data, done)
  }

  pause(): void {
    if (this.#isClosed || this.#isPaused) return
    this.#isPaused = true
    this.#session.block(this)
    if (!this.#lingers || !this.#session.isShared()) return
    this.#blocked = setTimeout(() => this.#events?.broken('client does not read'), BLOCKED_MS)
    this.#blocked.unref()
  }

  resume(): void {
    clearTimeout(this.#blocked)
    this.#isPaused = false
    this.#session.unblock(this)
  }

  linger(): void {
    if (this.#lingers) return
    this.#lingers = true
    if (!this.#isClosed) this.#session.lingers()
  }

  close(): void {
    this.#remove()
    this.#report((events) => events.ended())
  }

  terminate(quiet: boolean): void {
    if (this.#isClosed) return
    // the remote end may continue to send, for up to a second, to a client that has left
    if (!quiet || this.#isPaused || !this.#isAccepted || performance.now() - this.#receivedAt <= SILENT_MS)
      this.#session.retire()
    this.#remove()
  }

  opened(): void {
    this.#isAccepted = true
    this.#settle(true)
  }

  received(bytes: Buffer, now: number): void {
    this.#receivedAt = now
    if (this.#events !== undefined) this.#events.received(bytes)
    else this.#report((events) => events.received(bytes))
  }

  errorText(bytes: Buffer): void {
    if (this.#error.length < LARGEST_ERROR) this.#error += bytes.toString('utf8')
  }

  /** The reason for an end of the data follows on the error stream. */
  dataEnded(): void {
    this.#dataIsOver = true
    this.#whenOver()
  }

  errorEnded(): void {
    this.#errorIsOver = true
    this.#whenOver()
  }

  /** The session has ended. */
  lost(why: string, cause?: unknown): void {
    this.#isClosed = true
    clearTimeout(this.#blocked)
    this.#settle(false)
    // without a cause the WebSocket was closed
    this.#report((events) => (cause === undefined ? events.ended(why) : events.broken(why, cause)))
  }

  #whenOver(): void {
    if (this.#isClosed || !this.#errorIsOver || (!this.#dataIsOver && this.#error === '')) return
    // the remote end has no more to send on either stream; after an error, others to this pod may fail too
    if (this.#error !== '' || !this.#isAccepted) this.#session.failed()
    this.#remove()
    this.#report((events) => (this.#error === '' ? events.ended() : events.failed(this.#error)))
  }

  #settle(accepted: boolean): void {
    this.#settled?.(accepted)
    this.#settled = undefined
  }

  #report(event: (events: PortStreamEvents) => void): void {
    if (this.#events !== undefined) event(this.#events)
    else this.#early.push(event)
  }

  #remove(): void {
    this.#isClosed = true
    clearTimeout(this.#blocked)
    this.#settle(this.#isAccepted)
    this.#session.remove(this.#id, this)
  }
}
