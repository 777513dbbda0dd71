/** Opens WebSockets to subresources of pods. */
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { throwIfAborted } from '../errors.ts'
import type { Asked } from './refusal.ts'
import { refused, unreachable } from './refusal.ts'
import type { Transport } from './transport.ts'

const HANDSHAKE_MS = 20_000

/**
 * An open WebSocket whose `protocol` is one of `protocols`, paused until the caller listens and resumes it. Frames are not compressed.
 * They are masked with zeros: masking protects plaintext proxies from scripts in browsers (RFC 6455 §10.3), and costs a pass over all data.
 * Throws what `refused` and `unreachable` make of a failure.
 */
export async function openWebSocket(transport: Transport, path: string, query: URLSearchParams, protocols: string[], asked: Asked): Promise<WebSocket> {
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
    skipUTF8Validation: true,
    generateMask: (mask: Buffer) => mask.fill(0),
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
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('close', () => {
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
