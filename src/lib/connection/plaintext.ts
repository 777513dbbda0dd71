/** Does a port take CQL without TLS? */
import type { Duplex } from 'node:stream'
import { asCassSniError, CassSniError } from '../errors.ts'
import { backOff } from '../waiting/back-off.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Dial } from './dialer.ts'

/**
 * OPTIONS, the one request before any login, of version 4: it carries nothing (apache/cassandra
 * doc/native_protocol_v4.spec, 4.1.3).
 */
const OPTIONS_REQUEST = Buffer.from([0x04, 0, 0, 0, 0x05, 0, 0, 0, 0])
/**
 * Behind a tunnel the end of a connection is told a second late: containerd gives the other direction that long
 * (containerd/containerd internal/cri/server/sandbox_portforward_linux.go). Another request to a connection that is
 * closed fails, and ends both directions at once. Milliseconds.
 */
const AGAIN = { firstMs: 40, longestMs: 320 }
/** The first byte of an answer: its version with the highest bit set. A TLS alert begins with 0x15. */
const ANSWER = 0x80

export interface PlaintextOptions {
  /** Opens one connection to the port. */
  dial: Dial
  signal: AbortSignal
  /** For all of it. Default 3,000. */
  timeoutMs?: number | undefined
}

/**
 * Asks without TLS, and again until something comes: true when CQL answers, false when the port refuses it or nobody
 * listens.
 * Throws CSNI601 when there is no answer in time, and what dialing throws.
 */
export async function answersPlaintext({ dial, signal, timeoutMs = 3_000 }: PlaintextOptions): Promise<boolean> {
  const late = () => new CassSniError('CSNI601', `no answer to a connection without TLS within ${timeoutMs / 1000} s`)
  let stream: Duplex | undefined
  try {
    return await withinLimit({ ms: timeoutMs, late, signal }, async (stop) => {
      stream = await dial({ signal: stop })
      return await firstAnswer(stream, stop)
    })
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  } finally {
    stream?.destroy()
  }
}

async function firstAnswer(stream: Duplex, stop: AbortSignal): Promise<boolean> {
  const nextPause = backOff(AGAIN)
  let timer: NodeJS.Timeout | undefined
  const ask = (): void => {
    if (!stream.writable) return
    stream.write(OPTIONS_REQUEST)
    timer = setTimeout(ask, nextPause())
  }
  return new Promise<boolean>((resolve, reject) => {
    stop.addEventListener('abort', () => reject(asCassSniError(stop.reason)), { once: true })
    stream.once('data', (chunk: Buffer) => resolve(((chunk[0] ?? 0) & ANSWER) !== 0))
    // Stays for good: a late error of a connection that is done with must not end the process.
    stream.on('error', reject)
    stream.once('end', () => resolve(false))
    stream.once('close', () => resolve(false))
    ask()
  }).finally(() => clearTimeout(timer))
}

/**
 * The far end cut the connection or does not listen: of the system's error, or of a tunnel's with that as its cause.
 */
function isRefusal(error: unknown): boolean {
  const code = (each: unknown) => (each as NodeJS.ErrnoException | undefined)?.code ?? ''
  return [error, (error as Error).cause].some((each) => ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code(each)))
}
