/** Opens WebSockets to subresources of pods. */
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { throwIfAborted } from '../errors.ts'
import type { Asked } from './refusal.ts'
import { refused, unreachable } from './refusal.ts'
import type { Transport } from './transport.ts'

const HANDSHAKE_MS = 20_000
/** Kubelet and API server send 32 KiB at a time. Bytes; ws itself would take 100 MiB. */
const LARGEST_MESSAGE = 8 * 1024 * 1024
/** What is read of a refusal. Bytes. */
const LARGEST_REFUSAL = 64 * 1024
const REFUSAL_MS = 5000

/**
 * An open WebSocket whose `protocol` is one of `protocols`, paused until the caller listens and resumes it. Frames
 * are not compressed.
 * They are masked with zeros: masking protects plaintext proxies from scripts in browsers (RFC 6455 §10.3), and costs
 * a pass over all data.
 * Throws what `refused` and `unreachable` make of a failure.
 */
export async function openWebSocket(
  transport: Transport,
  path: string,
  query: URLSearchParams,
  protocols: string[],
  asked: Asked,
): Promise<WebSocket> {
  throwIfAborted(transport.signal)
  const [{ WebSocket }, endpoint] = await Promise.all([
    import('ws'),
    transport.endpoint(path, query).catch((error: unknown) => {
      throw unreachable(error, transport.target)
    }),
  ])
  const startedAt = performance.now()
  const options = {
    agent: endpoint.agent,
    headers: endpoint.security.headers,
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: LARGEST_MESSAGE,
    skipUTF8Validation: true,
    generateMask: (mask: Buffer) => mask.fill(0),
    rejectUnauthorized: endpoint.security.tls.rejectUnauthorized !== false,
    ...(endpoint.security.tls.servername === undefined ? {} : { servername: endpoint.security.tls.servername }),
  }
  // the types of ws demand one header per name; Node sends an array as several lines, as Impersonate-Group needs it
  const socket = new WebSocket(endpoint.url, protocols, options as ConstructorParameters<typeof WebSocket>[2])
  return await new Promise((resolve, reject) => {
    const abort = () => socket.terminate()
    transport.signal.addEventListener('abort', abort, { once: true })
    const settle = (status: number | string) => {
      transport.signal.removeEventListener('abort', abort)
      transport.log('GET', path, status, startedAt)
    }
    socket.once('open', () => {
      socket.removeAllListeners('unexpected-response')
      socket.removeAllListeners('error')
      settle(101)
      // the first messages may be here before the caller listens
      socket.pause()
      resolve(socket)
    })
    socket.once('unexpected-response', (_request, response: IncomingMessage) => {
      // what follows is told by the answer, not by the socket
      socket.removeAllListeners('error')
      socket.on('error', () => undefined)
      const parts: Buffer[] = []
      let size = 0
      // a refusal without end is cut, and told as far as it was read
      const patience = setTimeout(() => response.destroy(), REFUSAL_MS)
      response.on('error', () => undefined)
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size <= LARGEST_REFUSAL) parts.push(part)
        else response.destroy()
      })
      response.once('close', () => {
        clearTimeout(patience)
        settle(response.statusCode ?? 0)
        reject(refused(response.statusCode ?? 0, Buffer.concat(parts).toString('utf8'), asked, transport.target))
        socket.terminate()
      })
    })
    socket.on('error', (error) => {
      settle((error as NodeJS.ErrnoException).code ?? 'failed')
      try {
        throwIfAborted(transport.signal)
        reject(unreachable(error, transport.target))
      } catch (reason) {
        reject(reason)
      }
    })
  })
}
