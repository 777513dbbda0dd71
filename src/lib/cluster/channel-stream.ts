/**
 * One connection to a port in a separate WebSocket
 * (k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go, v4.channel.k8s.io): channel 0 carries data, channel 1 an
 * error text; the first two bytes received on each are the port number. For API servers before Kubernetes 1.31.
 */
import type { PortStream, PortStreamEvents } from './tunnel.ts'
import type { WebSocket } from './websocket.ts'

export const CHANNEL_PROTOCOL = 'v4.channel.k8s.io'

const DATA = 0
const ERROR = 1
const PORT_BYTES = 2

const CHANNEL = Buffer.of(DATA)

export class ChannelStream implements PortStream {
  /**
   * The kubelet grows a buffer for each message (golang.org/x/net/websocket); measured, 32 KiB is twice as fast as 128.
   */
  readonly largestData = 32 * 1024
  readonly #socket: WebSocket
  /** Of the current message. */
  #channel = DATA
  /** Remaining bytes of the port number, per channel. */
  readonly #portNumber = [PORT_BYTES, PORT_BYTES]

  constructor(socket: WebSocket) {
    this.#socket = socket
  }

  attach(events: PortStreamEvents): void {
    this.#socket.attach({
      received: (part, first) => this.#receive(part, first, events),
      failed: (why, cause) => events.broken(why, cause),
      closed: (why) => events.ended(why),
    })
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

  send(data: Buffer[], done: (error?: Error | null) => void): void {
    this.#socket.send(CHANNEL, data, done)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  linger(): void {
    // no other connection waits for this WebSocket
  }

  close(): void {
    this.#socket.close()
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #receive(part: Buffer, first: boolean, events: PortStreamEvents): void {
    if (first) this.#channel = part[0] ?? DATA
    const channel = this.#channel
    if (channel !== DATA && channel !== ERROR) return
    const start = first ? 1 : 0
    const rest = this.#portNumber[channel] ?? 0
    const skipped = Math.min(rest, part.length - start)
    this.#portNumber[channel] = rest - skipped
    const data = part.subarray(start + skipped)
    if (data.length === 0) return
    if (channel === ERROR) events.failed(data.toString('utf8'))
    else events.received(data)
  }
}
