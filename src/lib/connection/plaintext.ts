/** Checks whether a port accepts CQL without TLS. */
import type { Duplex } from 'node:stream'
import { asCassSniError, CassSniError } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { backOff } from '../waiting/back-off.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Dial } from './dialer.ts'

/**
 * The OPTIONS request of version 4, which is allowed before login and has no body (apache/cassandra
 * doc/native_protocol_v4.spec, 4.1.3).
 */
const OPTIONS_REQUEST = Buffer.from([0x04, 0, 0, 0, 0x05, 0, 0, 0, 0])
/**
 * Intervals for repeating the request, in ms. Through a tunnel a closed connection is reported a second late, because
 * containerd waits that long for the other direction (containerd/containerd
 * internal/cri/server/sandbox_portforward_linux.go); another request fails and ends both directions immediately.
 */
const REPEAT = { firstMs: 40, longestMs: 320 }
/** Bit in the first byte of a response, its version. A TLS alert begins with 0x15. */
const ANSWER = 0x80

export interface PlaintextOptions {
  /** Opens one connection to the port. */
  dial: Dial
  signal: AbortSignal
  /** Total time limit in ms. Default 3,000. */
  timeoutMs?: number | undefined
}

/**
 * Sends requests without TLS until there is a response: true for CQL, false if the connection is closed or refused.
 * Throws CSNI601 on timeout, and the errors of dialing.
 */
export async function answersPlaintext({ dial, signal, timeoutMs = 3_000 }: PlaintextOptions): Promise<boolean> {
  const late = () => new CassSniError('CSNI601', `no response without TLS within ${durationText(timeoutMs)}`)
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
  const nextPause = backOff(REPEAT)
  let timer: NodeJS.Timeout | undefined
  const ask = (): void => {
    if (!stream.writable) return
    stream.write(OPTIONS_REQUEST)
    timer = setTimeout(ask, nextPause())
  }
  return new Promise<boolean>((resolve, reject) => {
    stop.addEventListener('abort', () => reject(asCassSniError(stop.reason)), { once: true })
    stream.once('data', (chunk: Buffer) => resolve(((chunk[0] ?? 0) & ANSWER) !== 0))
    // Never removed: a late error of a finished connection must not end the process.
    stream.on('error', reject)
    stream.once('end', () => resolve(false))
    stream.once('close', () => resolve(false))
    ask()
  }).finally(() => clearTimeout(timer))
}

/** True if the connection was refused or reset: a system error, or a tunnel error with that cause. */
function isRefusal(error: unknown): boolean {
  const code = (each: unknown) => (each as NodeJS.ErrnoException | undefined)?.code ?? ''
  return [error, (error as Error).cause].some((each) => ['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code(each)))
}
