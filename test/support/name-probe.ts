/** A client that repeatedly requests one server name, to find out which node answers. */
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { GATEWAY_ADDRESS } from './lab.ts'

const PORT = 9042
const EVERY_MS = 20
/** A node that takes longer has not answered. */
const LIMIT_MS = 5_000
/** Connections at a time: a node that starts may answer slowly. */
const AT_ONCE = 20

/** Opcodes of the native protocol, version 4 (apache/cassandra doc/native_protocol_v4.spec, section 2.4). */
const OPCODE = { startup: 0x01, query: 0x07, result: 0x08, authResponse: 0x0f } as const
const HEADER_BYTES = 9

export interface Login {
  username: string
  password: string
}

export interface ProbeAnswer {
  /** Seconds since the epoch. */
  at: number
  /** The host ID of the node that answered; undefined if a node answered the TLS handshake only. */
  hostId: string | undefined
}

/** Opens a connection with this server name every 20 ms, and reads system.local. */
export class NameProbe {
  readonly answers: ProbeAnswer[] = []
  /** Connections so far, without those that are open. */
  made = 0
  readonly #name: string
  readonly #login: Login
  readonly #running: Promise<void>
  #stopped = false

  constructor(name: string, login: Login) {
    this.#name = name
    this.#login = login
    this.#running = this.#run()
  }

  /** The answers of other nodes, or of a node that said no more than its certificate, since then. */
  wrong(since: number): ProbeAnswer[] {
    return this.answers.filter(({ at, hostId }) => at >= since && hostId !== this.#name)
  }

  /** Ends all connections. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    const open = new Set<Promise<void>>()
    while (!this.#stopped) {
      if (open.size < AT_ONCE) {
        const one = this.#once().finally(() => open.delete(one))
        open.add(one)
      }
      await pause(EVERY_MS)
    }
    await Promise.all(open)
  }

  async #once(): Promise<void> {
    const socket = connect({
      host: GATEWAY_ADDRESS,
      port: PORT,
      servername: this.#name,
      // a wrong node has the same certificate
      rejectUnauthorized: false,
    })
    socket.setTimeout(LIMIT_MS, () => socket.destroy())
    let at: number | undefined
    socket.once('secureConnect', () => {
      at = Date.now() / 1000
    })
    const hostId = await readHostId(socket, this.#login).catch(() => undefined)
    socket.destroy()
    if (at !== undefined) this.answers.push({ at, hostId })
    this.made += 1
  }
}

/** Reads the host ID of the node at the other end. Rejects if the connection ends before that. */
async function readHostId(socket: TLSSocket, { username, password }: Login): Promise<string> {
  const words = ['CQL_VERSION', '3.0.0'].map((word) => Buffer.concat([uint16(word.length), Buffer.from(word)]))
  await exchange(socket, OPCODE.startup, Buffer.concat([uint16(1), ...words]))
  await exchange(socket, OPCODE.authResponse, withLength(Buffer.from(`\0${username}\0${password}`)))
  const consistencyOne = Buffer.from([0, 1])
  const statement = withLength(Buffer.from('SELECT host_id FROM system.local'))
  const result = await exchange(socket, OPCODE.query, Buffer.concat([statement, consistencyOne, Buffer.from([0])]))
  if (result.opcode !== OPCODE.result) throw new Error(`opcode ${result.opcode} instead of a result`)
  // the only value of the only row
  const hex = result.body.subarray(-16).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

interface Frame {
  opcode: number
  body: Buffer
}

/** Sends a frame and reads the next one. */
function exchange(socket: TLSSocket, opcode: number, body: Buffer): Promise<Frame> {
  socket.write(Buffer.concat([Buffer.from([4, 0, 0, 0, opcode]), withLength(body)]))
  return new Promise((done, fail) => {
    let read = Buffer.alloc(0)
    const end = (error?: Error) => fail(error ?? new Error('connection closed'))
    const took = (part: Buffer) => {
      read = Buffer.concat([read, part])
      if (read.length < HEADER_BYTES || read.length < HEADER_BYTES + read.readUInt32BE(5)) return
      socket.off('data', took).off('error', end).off('close', end)
      done({ opcode: read[4] ?? 0, body: read.subarray(HEADER_BYTES) })
    }
    socket.on('data', took).once('error', end).once('close', end)
  })
}
