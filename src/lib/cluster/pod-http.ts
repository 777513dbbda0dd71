/** HTTP to a port inside a pod, through the API server: for Cassandra's management API and Envoy's admin interface. */
import { request } from 'node:http'
import { CassSniError } from '../errors.ts'
import type { Kube } from './kube.ts'

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
  const deadline = AbortSignal.timeout(timeoutMs)
  const opening = kube.connect(pod, port)
  const tunnel = await Promise.race([
    opening,
    new Promise<undefined>((resolve) =>
      deadline.addEventListener('abort', () => resolve(undefined), {
        once: true,
      }),
    ),
  ])
  if (tunnel === undefined) {
    // The tunnel may still open: then nobody wants it any more. Its failure has nobody to be told either.
    opening.then(
      (late) => late.destroy(),
      () => undefined,
    )
    throw failed(`no tunnel within ${timeoutMs} ms`)
  }
  try {
    return await new Promise((resolve, reject) => {
      const asking = request(
        {
          method: 'GET',
          path,
          host: 'localhost',
          setHost: true,
          headers: { connection: 'close' },
          createConnection: () => tunnel,
          signal: deadline,
        },
        (answer) => {
          const parts: Buffer[] = []
          let size = 0
          answer.on('data', (part: Buffer) => {
            size += part.length
            if (size > LARGEST_BODY) asking.destroy(failed('the answer is too large'))
            else parts.push(part)
          })
          answer.on('end', () =>
            resolve({
              status: answer.statusCode ?? 0,
              body: Buffer.concat(parts).toString('utf8'),
            }),
          )
          answer.on('error', reject)
        },
      )
      tunnel.on('error', reject)
      asking.on('error', reject)
      asking.end()
    })
  } catch (error) {
    if (error instanceof CassSniError) throw error
    throw failed(
      deadline.aborted ? `no answer within ${timeoutMs} ms` : error instanceof Error ? error.message : String(error),
      error,
    )
  } finally {
    tunnel.destroy()
  }
}
