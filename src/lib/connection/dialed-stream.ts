/** A stream that can be used before its connection is open. */
import { Duplex } from 'node:stream'
import { CassSniError } from '../errors.ts'
import type { Dial } from './dialer.ts'

export interface DialedStreamOptions {
  dial: Dial
  /** Creates the error if the remote end closes before our side has ended, after `received` bytes from it. */
  closed: (received: number) => CassSniError
}

/**
 * Dials when created; earlier writes are buffered. An unexpected end of the remote side is an error, as is a reset:
 * after a plain end, users of the stream would wait forever.
 */
export class DialedStream extends Duplex {
  readonly #options: DialedStreamOptions
  readonly #over = new AbortController()
  #far: Duplex | undefined
  #received = 0

  constructor(options: DialedStreamOptions) {
    // A TLS socket inherits this: with false it would end its side together with the remote end, before the error is
    // reported.
    super({ allowHalfOpen: true })
    this.#options = options
  }

  override _construct(done: (error?: Error | null) => void): void {
    this.#options.dial({ signal: this.#over.signal }).then((far) => {
      this.#far = far
      far.on('data', (chunk: Buffer) => {
        this.#received += chunk.length
        if (!this.push(chunk)) far.pause()
      })
      far.on('end', () => {
        if (this.writableEnded) this.push(null)
        else this.destroy(this.#options.closed(this.#received))
      })
      far.on('error', (error) => this.destroy(isReset(error) ? this.#closed(error) : error))
      far.on('close', () => this.destroy(this.writableEnded ? undefined : this.#options.closed(this.#received)))
      done()
    }, done)
  }

  override _read(): void {
    this.#far?.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#far?.write(chunk) === false) this.#far.once('drain', done)
    else done()
  }

  override _final(done: () => void): void {
    this.#far?.end()
    done()
  }

  /** Also aborts dialing, for which a stream under construction would wait. */
  override destroy(error?: Error): this {
    if (!this.#over.signal.aborted)
      this.#over.abort(error ?? new CassSniError('CSNI902', 'connection no longer needed'))
    return super.destroy(error)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#far?.destroy()
    done(error)
  }

  #closed(cause: Error): CassSniError {
    return Object.assign(this.#options.closed(this.#received), { cause })
  }
}

/** True if the remote end reset the connection; a tunnel reports this in the cause. */
function isReset(error: Error): boolean {
  const { code } = (error instanceof CassSniError ? (error.cause ?? {}) : error) as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE'
}
