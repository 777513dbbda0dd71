/** HTTP for the kubelet and Prometheus: /healthz, /readyz, /metrics. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Probes {
  /** Why the process should be restarted; undefined if it is alive. */
  hung: () => string | undefined
  /** Why it is not ready; undefined if it is. */
  unready: () => string | undefined
  metrics: { text: () => Promise<string>; contentType: string }
}

/** Serves the probes on a port of all addresses (0: any free one). Resolves with the server and its port. */
export async function serveProbes(port: number, probes: Probes): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const send = (status: number, text: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
    }
    const state = (problem: string | undefined) => send(problem === undefined ? 200 : 503, `${problem ?? 'ok'}\n`)
    switch (request.method === 'GET' || request.method === 'HEAD' ? request.url?.split('?')[0] : undefined) {
      case '/healthz':
        state(probes.hung())
        return
      case '/readyz':
        state(probes.unready())
        return
      case '/metrics':
        probes.metrics.text().then(
          (text) => send(200, text, probes.metrics.contentType),
          () => send(500, 'cannot collect metrics\n'),
        )
        return
      default:
        send(404, 'not found\n')
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, () => resolve())
  })
  return { server, port: (server.address() as AddressInfo).port }
}
