/** The streams of one CQL session. */
import { CassSniError, command } from '../errors.ts'
import type { DialedStream } from './dialed-stream.ts'

/**
 * The streams that the driver was handed. It has a time limit for TCP and TLS and one for each request, but none for
 * all that opens a session; and it forgets a connection whose login is not done when it shuts down.
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
      new CassSniError('CSNI601', `no login for the SNI name ${serverName} within ${ms / 1000} s`, {
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

  /** Why the latest connection broke or could not be opened; undefined while there is nothing to explain. */
  get lastFailure(): Error | undefined {
    return this.#lastFailure
  }

  /** The session is open: from now on the driver's own limits do. */
  opened(): void {
    this.#limited = false
    for (const limit of this.#open.values()) clearTimeout(limit)
  }

  destroy(): void {
    for (const stream of this.#open.keys()) stream.destroy()
  }
}
