/** The streams of one CQL session. */
import { CassSniError, command } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import type { DialedStream } from './dialed-stream.ts'

/**
 * The streams given to the driver. The driver limits TCP and TLS and each request, but not the login as a whole, and on
 * shutdown it leaks connections whose login is incomplete.
 */
export class SessionStreams {
  readonly #late: () => CassSniError
  readonly #ms: number
  readonly #open = new Map<DialedStream, NodeJS.Timeout | undefined>()
  #limited = true
  #lastFailure: Error | undefined

  constructor(serverName: string, ms: number) {
    this.#ms = ms
    this.#late = () =>
      new CassSniError('CSNI601', `login with SNI name ${serverName} timed out after ${durationText(ms)}`, {
        next: [command`kubectl cass-sni verify`],
      })
  }

  add(stream: DialedStream): DialedStream {
    const limit = this.#limited ? setTimeout(() => stream.destroy(this.#late()), this.#ms) : undefined
    this.#open.set(stream, limit)
    // A new attempt: what became of the one before explains nothing from now on.
    this.#lastFailure = undefined
    stream.on('error', (error) => {
      this.#lastFailure = error
    })
    stream.once('close', () => {
      clearTimeout(limit)
      this.#open.delete(stream)
    })
    return stream
  }

  /** The error of the latest connection that failed; undefined if none has. */
  get lastFailure(): Error | undefined {
    return this.#lastFailure
  }

  /** Ends the time limits once the session is open: the driver's own limits suffice. */
  opened(): void {
    this.#limited = false
    for (const limit of this.#open.values()) clearTimeout(limit)
  }

  destroy(): void {
    for (const stream of this.#open.keys()) stream.destroy()
  }
}
