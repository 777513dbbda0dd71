/** A stream that can be used before its connection is open: for who needs one at once, without waiting. */
import { Duplex } from 'node:stream'
import { CassSniError } from '../errors.ts'
import type { Dial } from './dialer.ts'

export interface DialedStreamOptions {
  dial: Dial
  /** The error of a far end that closes before our side has ended; `received` bytes had come from it. */
  closed: (received: number) => CassSniError
}

/**
 * Dials when it is made; what is written before the connection is open waits. An end of the far side that ours did not
 * ask for is an error, as is its reset: users of the stream that take a plain end for granted would wait for ever.
 */
export class DialedStream extends Duplex {
  readonly #options: DialedStreamOptions
  readonly #over = new AbortController()
  #far: Duplex | undefined
  #received = 0

  constructor(options: DialedStreamOptions) {
    // A TLS socket on it takes this over: with false it would end its own side when the far end does, before that is
    // told.
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
      far.on('error', (error) => this.destroy(isCut(error) ? this.#closed(error) : error))
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

  /** Ends the dialing as well, for which a stream under construction would wait. */
  override destroy(error?: Error): this {
    if (!this.#over.signal.aborted)
      this.#over.abort(error ?? new CassSniError('CSNI902', 'the connection is not needed'))
    return super.destroy(error)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#far?.destroy()
    done(error)
  }

  #closed(cause: Error): CassSniError {
    const { code, message, next } = this.#options.closed(this.#received)
    return new CassSniError(code, message, { next, cause })
  }
}

/** The far end closed the connection without a word; a tunnel says so by its error's cause. */
function isCut(error: Error): boolean {
  const { code } = (error instanceof CassSniError ? (error.cause ?? {}) : error) as NodeJS.ErrnoException
  return code === 'ECONNRESET' || code === 'EPIPE'
}
