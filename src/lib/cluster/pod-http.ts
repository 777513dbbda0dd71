/** HTTP to a port inside a pod, through the API server: for Cassandra's management API and Envoy's admin interface. */
import type { Duplex } from 'node:stream'
import { CassSniError, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Kube } from './kube.ts'
import { httpRequest } from './node-http.ts'

/** Response limit in bytes, far above what the two interfaces return. */
const LARGEST_BODY = 64 * 1024 * 1024

/**
 * Sends a GET request to a pod's port over its own tunnel. Returns the status code and the whole body.
 * Throws CSNI203 (no permission for pods/portforward) or CSNI601 as `kube.connect` does, and CSNI601 when the request
 * times out.
 */
export async function getFromPod(
  kube: Kube,
  pod: { name: string; namespace: string },
  port: number,
  path: string,
  timeoutMs = 5000,
): Promise<{ status: number; body: string }> {
  const object = `pod/${pod.name} in namespace ${pod.namespace}`
  const failed = (why: string, cause?: unknown) =>
    new CassSniError('CSNI601', `request to port ${port} of pod ${pod.name} failed: ${why}`, { object, cause })
  const late = () => failed(`timed out after ${durationText(timeoutMs)}`)
  return withinLimit({ ms: timeoutMs, late }, async (signal) => {
    const tunnel = await kube.connect(pod, port, { signal })
    try {
      return await exchange(tunnel, path, signal, () => failed('response too large'))
    } catch (error) {
      throwIfAborted(signal)
      throw error instanceof CassSniError
        ? error
        : failed(error instanceof Error ? error.message : String(error), error)
    } finally {
      tunnel.destroy()
    }
  })
}

function exchange(
  tunnel: Duplex,
  path: string,
  signal: AbortSignal,
  tooLarge: () => CassSniError,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest(
      {
        method: 'GET',
        path,
        host: 'localhost',
        setHost: true,
        headers: { connection: 'close' },
        createConnection: () => tunnel,
        signal,
      },
      (answer) => {
        const parts: Buffer[] = []
        let size = 0
        answer.on('data', (part: Buffer) => {
          size += part.length
          if (size > LARGEST_BODY) asking.destroy(tooLarge())
          else parts.push(part)
        })
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }))
        answer.on('error', reject)
      },
    )
    tunnel.on('error', reject)
    asking.on('error', reject)
    asking.end()
  })
}
