/** Connections of the benchmark: every wait has a time limit, every failure a name. */
import { connect, type Socket } from 'node:net'

/** refused: nothing listens; closed: the other end closed it; stalled: no byte was received or accepted in time. */
export type Failure = 'refused' | 'closed' | 'stalled'
export const FAILURES: readonly Failure[] = ['refused', 'closed', 'stalled']

export class Broken extends Error {
  readonly failure: Failure
  constructor(failure: Failure) {
    super(`the connection was ${failure}`)
    this.failure = failure
  }
}

/** Milliseconds without a byte. */
const STALL_LIMIT = 10_000

/** A connection to a local port. After its first failure, every method rejects with `Broken`. */
export class Connection {
  readonly #socket: Socket
  #broken: Broken | undefined
  #unread = 0
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    const end = (failure: Failure) => () => {
      this.#broken ??= new Broken(failure)
      socket.destroy()
      this.#wake()
    }
    socket.on('timeout', end('stalled'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED' ? 'refused' : 'closed')())
    socket.on('end', end('closed'))
    socket.on('close', end('closed'))
    socket.on('connect', () => this.#wake())
    socket.on('drain', () => this.#wake())
    socket.on('data', (bytes: Buffer) => {
      this.#unread += bytes.length
      this.#wake()
    })
  }

  static async open(port: number, stallLimit = STALL_LIMIT): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, timeout: stallLimit })
    const connection = new Connection(socket)
    await connection.#until(() => !socket.connecting && connection.#broken === undefined)
    return connection
  }

  /** Resolves when the socket accepts more. */
  async send(bytes: Buffer | string): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    this.#socket.write(bytes)
    await this.#until(() => !this.#socket.writableNeedDrain)
  }

  /** Resolves when `count` more bytes have been received. */
  async receive(count: number): Promise<void> {
    await this.#until(() => this.#unread >= count)
    this.#unread -= count
  }

  close(): void {
    this.#socket.destroy()
  }

  async #until(reached: () => boolean): Promise<void> {
    for (;;) {
      if (reached()) return
      if (this.#broken !== undefined) throw this.#broken
      await new Promise<void>((wake) => {
        this.#wake = wake
      })
    }
  }
}
