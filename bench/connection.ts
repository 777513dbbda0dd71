/** Connections of the benchmark: every wait has a limit, and what goes wrong has a name. */
import { connect, type Socket } from 'node:net'

/** Refused: nobody took it; closed: the other end ended it; stalled: nothing came, or nothing was taken, in time. */
export type Trouble = 'refused' | 'closed' | 'stalled'
export const TROUBLES: readonly Trouble[] = ['refused', 'closed', 'stalled']

export class Broken extends Error {
  readonly trouble: Trouble
  constructor(trouble: Trouble) {
    super(`the connection was ${trouble}`)
    this.trouble = trouble
  }
}

/** Milliseconds without a byte. */
const PATIENCE = 10_000

/** A connection to a local port. After its first failure every wait of it rejects with `Broken`. */
export class Connection {
  readonly #socket: Socket
  #broken: Broken | undefined
  #unread = 0
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    const end = (trouble: Trouble) => () => {
      this.#broken ??= new Broken(trouble)
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

  static async open(port: number, patience = PATIENCE): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, timeout: patience })
    const connection = new Connection(socket)
    await connection.#until(() => !socket.connecting && connection.#broken === undefined)
    return connection
  }

  /** Resolves when the socket takes more. */
  async send(bytes: Buffer | string): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken
    this.#socket.write(bytes)
    await this.#until(() => !this.#socket.writableNeedDrain)
  }

  /** Resolves when so many bytes more have come. */
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
