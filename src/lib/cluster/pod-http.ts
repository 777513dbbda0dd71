/** HTTP to a port inside a pod, through the API server: for Cassandra's management API and Envoy's admin interface. */
import type { Duplex } from 'node:stream'
import { CassSniError, throwIfAborted } from '../errors.ts'
import { withinLimit } from '../waiting/time-limit.ts'
import type { Kube } from './kube.ts'
import { httpRequest } from './node-http.ts'

/** No answer of the two interfaces is near this; a larger one is not what was asked for. Bytes. */
const LARGEST_BODY = 64 * 1024 * 1024

/**
 * GET of `path` on a pod's port, over one tunnel of its own. Answers the status code and the whole body.
 * Throws CSNI203 (pods/portforward is not allowed) or CSNI601 as `kube.connect` does, and CSNI601 when the far end
 * does not answer in time.
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
    new CassSniError('CSNI601', `port ${port} of pod ${pod.name} did not answer: ${why}`, { object, cause })
  const late = () => failed(`no answer within ${timeoutMs} ms`)
  return withinLimit({ ms: timeoutMs, late }, async (signal) => {
    const tunnel = await kube.connect(pod, port, { signal })
    try {
      return await exchange(tunnel, path, signal, () => failed('the answer is too large'))
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
