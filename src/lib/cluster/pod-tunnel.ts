/**
 * One TCP connection to a port of a pod over one WebSocket
 * (k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go, v4.channel.k8s.io):
 * channel 0 carries data, channel 1 an error text; the first two bytes received on each are the port number.
 */
import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { CassSniError, command } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause } from '../waiting/poll.ts'
import { statusOf } from './api-errors.ts'
import type { ConnectOptions } from './kube.ts'
import type { Transport } from './transport.ts'
import { closeReason, type Liveness, openWebSocket, watchPeer } from './websocket.ts'

const DATA = 0
const ERROR = 1
const PORT_BYTES = 2

/** Bytes that may be buffered in the WebSocket before writers have to wait. */
const HIGH_WATER = 512 * 1024
/**
 * Message size in bytes: small pending writes are combined, large ones split. The remote end
 * (golang.org/x/net/websocket) grows a buffer for each message; measured, 32 KiB is twice as fast as 128 KiB.
 */
const LARGEST_MESSAGE = 32 * 1024
/**
 * The framing cannot signal that our side has ended, so after that the tunnel closes once the remote end has been
 * silent this long. containerd allows the other direction one second too
 * (internal/cri/server/sandbox_portforward_linux.go).
 */
const LINGER_MS = 1000
/** The same if our side ended with a request that is still unanswered: the response may take longer. */
const ANSWER_MS = 30_000

/** Attempts, and pauses between them in ms, if the API server is overloaded. */
const BUSY_ATTEMPTS = 5
const BUSY = { firstMs: 200, longestMs: 2000 }

export interface Pod {
  name: string
  namespace: string
}

/**
 * Opens a tunnel; the signal aborts opening. Throws CSNI203 without permission, CSNI204 if the pod does not exist,
 * CSNI601 if the pod is unreachable, CSNI607 if a proxy rejects WebSockets.
 */
export async function openTunnel(
  transport: Transport,
  pod: Pod,
  port: number,
  { signal }: ConnectOptions = {},
): Promise<Duplex> {
  const { POD } = await import('./resources.ts')
  const [namespace, name] = [pod.namespace, pod.name].map(encodeURIComponent)
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/portforward`
  const request = {
    verb: 'create',
    type: POD,
    name: pod.name,
    namespace: pod.namespace,
    subresource: 'portforward',
  }
  const stop = signal === undefined ? transport.signal : AbortSignal.any([transport.signal, signal])
  const query = new URLSearchParams({ ports: String(port) })
  try {
    const socket = await whileBusy(stop, () =>
      openWebSocket(transport, path, query, ['v4.channel.k8s.io'], request, stop),
    )
    return new Tunnel(socket, pod, port, transport.signal)
  } catch (error) {
    const status = statusOf(error)
    if (status !== undefined && (status === 400 || status >= 500))
      throw broken(pod, port, (error as Error).message, (error as Error).cause)
    throw error
  }
}

/** Retries on an overloaded API server (429) with growing pauses, as requests do. */
async function whileBusy<T>(signal: AbortSignal, open: () => Promise<T>): Promise<T> {
  const nextPause = backOff(BUSY)
  for (let attempt = 1; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      if (statusOf(error) !== 429 || attempt === BUSY_ATTEMPTS) throw error
      await pause(nextPause(), signal)
    }
  }
}

function broken(pod: Pod, port: number, why: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI601', `connection to port ${port} of pod ${pod.name} failed: ${why}`, {
    object: `pod/${pod.name} in namespace ${pod.namespace}`,
    next: [command`kubectl get pod ${pod.name} -n ${pod.namespace}`],
    cause,
  })
}

class Tunnel extends Duplex {
  readonly #socket: WebSocket
  readonly #pod: Pod
  readonly #port: number
  readonly #signal: AbortSignal
  readonly #peer: Liveness
  readonly #abort = () => this.destroy(this.#signal.reason as Error)
  /** Remaining bytes of the port header, per channel. */
  readonly #header = [PORT_BYTES, PORT_BYTES]
  #errorText = ''
  #unsent = 0
  #flushed: (() => void) | undefined
  #linger: NodeJS.Timeout | undefined
  /** Our side has sent data since the remote end last did. */
  #awaitingResponse = false

  constructor(socket: WebSocket, pod: Pod, port: number, signal: AbortSignal) {
    super({
      allowHalfOpen: false,
      readableHighWaterMark: 256 * 1024,
      writableHighWaterMark: 256 * 1024,
    })
    this.#socket = socket
    this.#pod = pod
    this.#port = port
    this.#signal = signal
    this.#peer = watchPeer(socket, (why) => this.destroy(broken(pod, port, why)))
    signal.addEventListener('abort', this.#abort, { once: true })
    socket.on('message', (message: Buffer) => this.#receive(message))
    socket.on('error', (error) => this.destroy(broken(pod, port, error.message, error)))
    socket.on('close', (code: number, reason: Buffer) => this.#closed(code, reason))
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this._writev([{ chunk }], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    let index = 0
    let offset = 0
    let rest = chunks.reduce((sum, { chunk }) => sum + chunk.length, 0)
    const next = (error?: Error | null): void => {
      if (error != null || rest === 0) {
        done(error)
        return
      }
      const message = Buffer.allocUnsafe(Math.min(rest, LARGEST_MESSAGE) + 1)
      message[0] = DATA
      for (let at = 1; at < message.length; ) {
        const chunk = chunks[index]?.chunk ?? message
        const copied = chunk.copy(message, at, offset)
        at += copied
        offset += copied
        if (offset < chunk.length) continue
        index++
        offset = 0
      }
      rest -= message.length - 1
      this.#send(message, next)
    }
    next()
  }

  override _final(done: () => void): void {
    if (this.#unsent > 0) this.#flushed = () => this._final(done)
    else {
      this.#waitForRest()
      done()
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#peer.stop()
    clearTimeout(this.#linger)
    this.#signal.removeEventListener('abort', this.#abort)
    this.#socket.terminate()
    done(error)
  }

  #send(message: Buffer, done: (error?: Error | null) => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      done(broken(this.#pod, this.#port, 'closed by the remote end'))
      return
    }
    this.#unsent++
    this.#awaitingResponse = true
    this.#peer.sent(message.length)
    // below the limit a writer continues immediately, above it once its message has been sent
    const full = this.#socket.bufferedAmount > HIGH_WATER
    this.#socket.send(message, (error?: Error | null) => {
      this.#unsent--
      if (full) done(error == null ? null : broken(this.#pod, this.#port, error.message, error))
      else if (error != null) this.destroy(broken(this.#pod, this.#port, error.message, error))
      if (this.#unsent === 0) this.#flushed?.()
    })
    if (!full) done()
  }

  #receive(message: Buffer): void {
    const channel = message[0]
    if (channel !== DATA && channel !== ERROR) return
    const header = Math.min(this.#header[channel] ?? 0, message.length - 1)
    this.#header[channel] = (this.#header[channel] ?? 0) - header
    if (message.length - 1 === header) return
    const data = message.subarray(1 + header)
    if (channel === ERROR) {
      this.#errorText += data.toString('utf8')
      this.destroy(broken(this.#pod, this.#port, plainReason(this.#errorText), causeOf(this.#errorText)))
      return
    }
    this.#awaitingResponse = false
    if (this.#linger !== undefined) this.#waitForRest()
    if (!this.push(data)) this.#socket.pause()
  }

  #closed(code: number, reason: Buffer): void {
    const why = closeReason(code, reason)
    // after our side has ended the remote end may close in any way, unless a response is outstanding
    if (why !== undefined && (this.#linger === undefined || this.#awaitingResponse))
      this.destroy(broken(this.#pod, this.#port, why))
    else this.push(null)
  }

  #waitForRest(): void {
    clearTimeout(this.#linger)
    this.#linger = setTimeout(
      () => {
        const why = `no response within ${durationText(ANSWER_MS)} after the client closed its side`
        if (this.#awaitingResponse) this.destroy(broken(this.#pod, this.#port, why))
        else this.#socket.close(1000)
      },
      this.#awaitingResponse ? ANSWER_MS : LINGER_MS,
    )
    this.#linger.unref()
  }
}

/**
 * An error with the errno code for the text: callers use it to distinguish a reset connection from an unreachable pod.
 */
function causeOf(text: string): Error {
  const error = new Error(text.trim())
  const code = text.includes('connection refused')
    ? 'ECONNREFUSED'
    : text.includes('connection reset by peer') || text.includes('broken pipe')
      ? 'ECONNRESET'
      : undefined
  return code === undefined ? error : Object.assign(error, { code })
}

/** Extracts the reason from the long messages of kubelet and containerd, for instance "connection refused". */
function plainReason(text: string): string {
  if (text.includes('connection refused')) return 'connection refused'
  if (text.includes('connection reset by peer')) return 'connection reset by peer'
  return text.replace(/^error forwarding port \d+ to pod [^:]*: /, '').trim()
}
