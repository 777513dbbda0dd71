import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'

/** A minimal client of the Kubernetes API for the lab. */
export interface KubeClient {
  get<T = KubeObject>(path: string): Promise<T>
  send(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body: unknown): Promise<unknown>
  /** Calls back with the items of a collection, immediately and after each change, until aborted. */
  watch(path: string, changed: (items: KubeObject[]) => Promise<void>, signal?: AbortSignal): Promise<void>
  close(): void
}

export interface KubeObject {
  kind?: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    resourceVersion?: string
    uid?: string
  }
  // biome-ignore lint/suspicious/noExplicitAny: objects of many kinds, with few fields read
  spec?: any
  // biome-ignore lint/suspicious/noExplicitAny: objects of many kinds, with few fields read
  status?: any
}

export class KubeError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Opens a client with the certificate of one of the lab's kubeconfigs. */
export async function openKube(kubeconfig: string, userAgent = 'cass-sni-lab'): Promise<KubeClient> {
  const text = await readFile(kubeconfig, 'utf8')
  const field = (name: string) => new RegExp(`^ +${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  const data = (name: string) => Buffer.from(field(name), 'base64')
  const server = field('server')
  const agent = new Agent({
    ca: data('certificate-authority-data'),
    cert: data('client-certificate-data'),
    key: data('client-key-data'),
    keepAlive: true,
  })

  function open(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      const sent = body === undefined ? undefined : JSON.stringify(body)
      // Node sends no Content-Length with DELETE, and the server would parse the body as the next request
      const length = sent === undefined ? {} : { 'content-length': Buffer.byteLength(sent) }
      const headers = { accept: 'application/json', 'user-agent': userAgent, 'content-type': type, ...length }
      const outgoing = request(`${server}${path}`, { method, agent, headers, ...(signal ? { signal } : {}) }, resolve)
      // a watch can be silent for minutes, other requests cannot
      if (!path.includes('watch=true')) outgoing.setTimeout(20_000, () => outgoing.destroy(new Error('no answer')))
      outgoing.on('error', reject)
      outgoing.end(sent)
    })
  }

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await open(method, path, body)
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk
    const status = response.statusCode ?? 0
    if (status >= 400) throw new KubeError(status, `${method} ${path}: ${status} ${messageOf(text)}`)
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }

  async function watch(path: string, changed: (items: KubeObject[]) => Promise<void>, signal?: AbortSignal) {
    while (!signal?.aborted) {
      const list = (await call('GET', path)) as { items: KubeObject[]; metadata: { resourceVersion: string } }
      const items = new Map(list.items.map((item) => [item.metadata.uid, item]))
      await changed([...items.values()])
      const query = `watch=true&timeoutSeconds=300&resourceVersion=${list.metadata.resourceVersion}`
      const response = await open('GET', `${path}?${query}`, undefined, signal)
      let rest = ''
      stream: for await (const chunk of response.setEncoding('utf8')) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) {
          const event = JSON.parse(line) as { type: string; object: KubeObject }
          if (event.type === 'ERROR') break stream
          if (event.type === 'DELETED') items.delete(event.object.metadata.uid)
          else items.set(event.object.metadata.uid, event.object)
        }
        await changed([...items.values()])
      }
    }
  }

  return {
    get: <T>(path: string) => call('GET', path) as Promise<T>,
    send: call,
    watch,
    close: () => agent.destroy(),
  }
}

function messageOf(text: string): string {
  try {
    return JSON.parse(text).message ?? text
  } catch {
    return text
  }
}

/** Whether the API server is ready; false after any failure. */
export async function ready(kube: KubeClient): Promise<boolean> {
  try {
    await kube.get('/readyz')
    return true
  } catch {
    return false
  }
}

/** The READY column of kubectl, such as "2/3", with sidecars that are init containers. */
export function readyContainers(pod: KubeObject): string {
  const sidecars: Array<{ name: string; restartPolicy?: string }> = pod.spec?.initContainers ?? []
  const lasting = new Set(sidecars.filter((each) => each.restartPolicy === 'Always').map((each) => each.name))
  const initial: Array<{ name: string; ready: boolean }> = pod.status?.initContainerStatuses ?? []
  const containers = [...initial.filter((each) => lasting.has(each.name)), ...(pod.status?.containerStatuses ?? [])]
  return `${containers.filter((each) => each.ready).length}/${containers.length}`
}
