/**
 * Logs in over one connection and identifies the node: the minimal proof that an SNI name reaches its node. Implements
 * just enough of the native protocol (STARTUP, AUTH_RESPONSE, one QUERY), because a driver would open further
 * connections. Source of the frames: apache/cassandra doc/native_protocol_v4.spec.
 */
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import type { Credentials } from '../cassandra/datacenter.ts'
import { CassSniError, command, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import { type ClientIdentity, closedAfterHandshake } from './client-identity.ts'
import type { Dial } from './dialer.ts'
import { connectionError, loginError, statementError } from './cql-errors.ts'
import { nodeIdentity } from './node-identity.ts'

export interface CqlLoginOptions {
  /** Opens one stream to the gateway. */
  dial: Dial
  /** The SNI name, also verified in the certificate: a host ID or a DNS name. */
  serverName: string
  /** For a host ID: the DNS name of the same node, which is verified if the certificate has no host IDs. */
  dnsName?: string | undefined
  credentials: Credentials
  /** PEM. */
  ca: string
  /** Presented if the node requests a certificate. */
  identity?: Partial<ClientIdentity> | undefined
  signal: AbortSignal
  /** Total time limit in ms. */
  timeoutMs?: number | undefined
  insecureSkipTlsVerify?: boolean | undefined
}

const VERSION = 0x04
const OPCODE = {
  error: 0x00,
  startup: 0x01,
  ready: 0x02,
  authenticate: 0x03,
  query: 0x07,
  result: 0x08,
  authResponse: 0x0f,
  authSuccess: 0x10,
} as const
const RESULT_ROWS = 0x0002
const ROWS_GLOBAL_TABLE = 0x0001
const CONSISTENCY_ONE = 0x0001
const HEADER_BYTES = 9
/** Far above the size of these responses; a longer one is not CQL. */
const MAX_BODY_BYTES = 1 << 20

interface Frame {
  opcode: number
  body: Buffer
}

/**
 * Logs in with one SNI name and returns `system.local.host_id` (lower-case UUID) of the node that responded.
 * Throws CSNI601 (no connection, or not CQL), CSNI602 (certificate), CSNI603 (no route), CSNI604 (login), CSNI610
 * (client certificate).
 */
export async function cqlHostId(options: CqlLoginOptions): Promise<string> {
  const { serverName, timeoutMs = 10_000 } = options
  const late = () =>
    new CassSniError('CSNI601', `login with SNI name ${serverName} timed out after ${durationText(timeoutMs)}`, {
      next: [command`kubectl cass-sni verify`],
    })
  return withinLimit({ ms: timeoutMs, late, signal: options.signal }, async (signal) => {
    let stream: Duplex | undefined
    const stop = (): void => void stream?.destroy()
    signal.addEventListener('abort', stop, { once: true })
    try {
      stream = await options.dial({ signal })
      // Errors of the stream are reported by the TLS socket.
      stream.on('error', () => undefined)
      // After a timeout the password must not be sent.
      throwIfAborted(signal)
      const socket = await secure(stream, options)
      let answered = false
      return await hostIdBehind(socket, options.credentials, () => {
        answered = true
      }).catch((error: unknown) => {
        throw answered || !isClosed(error) ? error : closedAfterHandshake(serverName, error)
      })
    } catch (error) {
      throwIfAborted(signal)
      throw connectionError(error, serverName)
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
    }
  })
}

function secure(stream: Duplex, options: CqlLoginOptions): Promise<TLSSocket> {
  const { serverName, dnsName } = options
  return new Promise((resolve, reject) => {
    const socket = connect({
      socket: stream,
      servername: serverName,
      ca: options.ca,
      ...options.identity,
      rejectUnauthorized: options.insecureSkipTlsVerify !== true,
      checkServerIdentity: nodeIdentity(new Map(dnsName === undefined ? [] : [[serverName, dnsName]])),
    })
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
    socket.once('close', () =>
      reject(Object.assign(new Error('closed before TLS was established'), { code: 'ECONNRESET' })),
    )
  })
}

/** The node closed the connection. */
function isClosed(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return error instanceof ClosedError || code === 'ECONNRESET' || code === 'EPIPE'
}

class ClosedError extends Error {}

/** @param answered called at each response */
async function hostIdBehind(socket: TLSSocket, credentials: Credentials, answered: () => void): Promise<string> {
  const frames = readFrames(socket)
  const ask = async (opcode: number, body: Buffer): Promise<Frame> => {
    socket.write(frame(opcode, body))
    const { value } = await frames.next()
    if (value === undefined) throw new ClosedError('connection closed by the node')
    answered()
    if (value.opcode === OPCODE.error) {
      const length = value.body.readUInt16BE(4)
      throw statementError(value.body.readInt32BE(0), value.body.toString('utf8', 6, 6 + length))
    }
    return value
  }
  let answer = await ask(OPCODE.startup, stringMap({ CQL_VERSION: '3.0.0', DRIVER_NAME: 'kubectl-cass-sni' }))
  if (answer.opcode === OPCODE.authenticate) {
    // SASL PLAIN, as PasswordAuthenticator expects it; apache/cassandra auth/PasswordAuthenticator.java.
    answer = await ask(OPCODE.authResponse, bytes(Buffer.from(`\0${credentials.username}\0${credentials.password}`)))
    if (answer.opcode !== OPCODE.authSuccess) throw loginError('unsupported authenticator')
  }
  const query = Buffer.from('SELECT host_id FROM system.local')
  const head = Buffer.alloc(4)
  head.writeInt32BE(query.length)
  return hostIdOf(
    await ask(OPCODE.query, Buffer.concat([head, query, Buffer.from([CONSISTENCY_ONE >> 8, CONSISTENCY_ONE, 0])])),
  )
}

/** The one UUID in the rows of `SELECT host_id FROM system.local`. */
function hostIdOf(answer: Frame): string {
  const { body } = answer
  const unexpected = new Error('unexpected CQL response')
  if (
    answer.opcode !== OPCODE.result ||
    body.readInt32BE(0) !== RESULT_ROWS ||
    (body.readInt32BE(4) & ROWS_GLOBAL_TABLE) === 0
  )
    throw unexpected
  let offset = 12
  // Keyspace, table and column name, then the type, which has no parameters for a uuid.
  for (let strings = 0; strings < 3; strings += 1) offset += 2 + body.readUInt16BE(offset)
  offset += 2
  if (body.readInt32BE(offset) !== 1 || body.readInt32BE(offset + 4) !== 16) throw unexpected
  const hex = body.toString('hex', offset + 8, offset + 24)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

async function* readFrames(socket: TLSSocket): AsyncGenerator<Frame, undefined> {
  let buffered = Buffer.alloc(0)
  for await (const chunk of socket) {
    buffered = Buffer.concat([buffered, chunk as Buffer])
    while (buffered.length >= HEADER_BYTES) {
      const length = buffered.readInt32BE(5)
      if (buffered[0] !== (VERSION | 0x80) || length < 0 || length > MAX_BODY_BYTES)
        throw new Error('not a CQL v4 response')
      if (buffered.length < HEADER_BYTES + length) break
      yield { opcode: buffered.readUInt8(4), body: buffered.subarray(HEADER_BYTES, HEADER_BYTES + length) }
      buffered = buffered.subarray(HEADER_BYTES + length)
    }
  }
  return undefined
}

function frame(opcode: number, body: Buffer): Buffer {
  const header = Buffer.from([VERSION, 0, 0, 0, opcode, 0, 0, 0, 0])
  header.writeInt32BE(body.length, 5)
  return Buffer.concat([header, body])
}

function bytes(value: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(value.length)
  return Buffer.concat([length, value])
}

function stringMap(map: Record<string, string>): Buffer {
  const parts: Buffer[] = []
  const short = (value: number): void => {
    parts.push(Buffer.from([value >> 8, value & 0xff]))
  }
  const entries = Object.entries(map)
  short(entries.length)
  for (const text of entries.flat()) {
    const encoded = Buffer.from(text)
    short(encoded.length)
    parts.push(encoded)
  }
  return Buffer.concat(parts)
}
