/** A TCP connection to a port of a pod as a stream, whatever its framing. */
import { Duplex } from 'node:stream'
import { CassSniError, command } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { bytesPassed } from './buffer-collection.ts'

/** Bytes that may be buffered in the WebSocket before writers have to wait. */
const HIGH_WATER = 512 * 1024
/**
 * An end of our side is not sent: channels have no message for it, and one second after it containerd cuts the other
 * direction (internal/cri/server/sandbox_portforward_linux.go). So the tunnel closes once the remote end has been
 * silent this long.
 */
const LINGER_MS = 1000
/** The same if our side ended with a request that is still unanswered: the response may take longer. */
const ANSWER_MS = 30_000

export interface Pod {
  name: string
  namespace: string
}

/** One connection to a port, in the framing of a WebSocket subprotocol. */
export interface PortStream {
  /** Starts to report events, with those that have already occurred. Called once. */
  attach(events: PortStreamEvents): void
  readonly isOpen: boolean
  readonly isPaused: boolean
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number
  /** Data per message in bytes: small pending writes are combined, large ones split. */
  readonly largestData: number
  /** Sends a message. The buffers must not change until `done` is called. */
  send(data: Buffer[], done: (error?: Error | null) => void): void
  pause(): void
  resume(): void
  /** Our side has ended, and only the end of the remote side is awaited. */
  linger(): void
  /** Closes both directions regularly; `ended` follows. */
  close(): void
  /** Closes without events. `quiet`: nothing more is expected from the remote end. */
  terminate(quiet: boolean): void
}

export interface PortStreamEvents {
  received(data: Buffer): void
  /** Text of the error channel. */
  failed(text: string): void
  /** `why`: the end was irregular. */
  ended(why?: string): void
  broken(why: string, cause?: unknown): void
}

export class Tunnel extends Duplex implements PortStreamEvents {
  readonly #pod: Pod
  readonly #port: number
  readonly #stream: PortStream
  #errorText = ''
  #unsent = 0
  /** Our side has sent last. */
  #awaitingResponse = false
  /** Set once our side has ended. */
  #linger: NodeJS.Timeout | undefined
  #flushed: (() => void) | undefined

  constructor(stream: PortStream, pod: Pod, port: number) {
    super({
      // the framing has no half-close
      allowHalfOpen: false,
      readableHighWaterMark: 256 * 1024,
      writableHighWaterMark: 256 * 1024,
    })
    this.#pod = pod
    this.#port = port
    this.#stream = stream
    stream.attach(this)
  }

  received(data: Buffer): void {
    bytesPassed(data.length)
    this.#awaitingResponse = false
    if (this.#linger !== undefined) this.#waitForRest()
    if (!this.push(data)) this.#stream.pause()
  }

  failed(text: string): void {
    this.#errorText += text
    this.destroy(brokenTunnel(this.#pod, this.#port, plainReason(this.#errorText), causeOf(this.#errorText)))
  }

  ended(why?: string): void {
    // after our side has ended the remote end may close in any way, unless a response is outstanding
    if (why !== undefined && (this.#linger === undefined || this.#awaitingResponse)) this.broken(why)
    else this.push(null)
  }

  broken(why: string, cause?: unknown): void {
    this.destroy(brokenTunnel(this.#pod, this.#port, why, cause))
  }

  override _read(): void {
    if (this.#stream.isPaused) this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this._writev([{ chunk }], done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const rest = chunks.map(({ chunk }) => chunk).filter(({ length }) => length > 0)
    const next = (error?: Error | null): void => {
      if (error != null || rest.length === 0) done(error)
      else this.#send(take(rest, this.#stream.largestData), next)
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
    clearTimeout(this.#linger)
    this.#stream.terminate(!this.#awaitingResponse && this.#unsent === 0)
    done(error)
  }

  #send(data: Buffer[], done: (error?: Error | null) => void): void {
    if (!this.#stream.isOpen) {
      done(brokenTunnel(this.#pod, this.#port, 'closed by the remote end'))
      return
    }
    this.#unsent++
    this.#awaitingResponse = true
    // below the limit a writer continues immediately, above it once its message has been sent
    const full = this.#stream.bufferedAmount > HIGH_WATER
    this.#stream.send(data, (error?: Error | null) => {
      for (const { length } of data) bytesPassed(length)
      this.#unsent--
      if (full) done(error == null ? null : brokenTunnel(this.#pod, this.#port, error.message, error))
      else if (error != null) this.broken(error.message, error)
      if (this.#unsent === 0) this.#flushed?.()
    })
    if (!full) done()
  }

  #waitForRest(): void {
    clearTimeout(this.#linger)
    if (!this.#awaitingResponse) this.#stream.linger()
    this.#linger = setTimeout(
      () => {
        const why = `no response within ${durationText(ANSWER_MS)} after the client closed its side`
        if (this.#awaitingResponse) this.broken(why)
        // a paused stream is not silent, it is not read
        else if (this.#stream.isPaused) this.#waitForRest()
        else this.#stream.close()
      },
      this.#awaitingResponse ? ANSWER_MS : LINGER_MS,
    )
    this.#linger.unref()
  }
}

/** Removes up to `most` bytes from the beginning of a list of buffers, and returns them. */
function take(buffers: Buffer[], most: number): Buffer[] {
  const taken: Buffer[] = []
  for (let [first] = buffers; first !== undefined && most > 0; [first] = buffers) {
    const part = first.subarray(0, most)
    taken.push(part)
    most -= part.length
    if (part.length === first.length) buffers.shift()
    else buffers[0] = first.subarray(part.length)
  }
  return taken
}

/** CSNI601 for a port of a pod. */
export function brokenTunnel(pod: Pod, port: number, why: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI601', `connection to port ${port} of pod ${pod.name} failed: ${why}`, {
    object: `pod/${pod.name} in namespace ${pod.namespace}`,
    next: [command`kubectl get pod ${pod.name} -n ${pod.namespace}`],
    cause,
  })
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
