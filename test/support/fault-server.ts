/** The fault proxies before an API server: the component tests' own, or the lab's. */
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type ByteProxy, byteProxy } from './fault-proxy.ts'
import { type RequestProxy, requestProxy, type Terms } from './fault-requests.ts'

/** What `before…` need of an API server: `apiServer()` of this suite is one, and so is the lab. */
export interface Fronted {
  /** The path of the kubeconfig of its administrator, with everything in it. */
  kubeconfig: string
  /** The directory of `apiserver.crt` and `.key`; by default `pki` beside the kubeconfig. */
  pki?: string | undefined
}

/** A proxy of bytes before an API server, and the path of a kubeconfig that leads through it. */
export async function bytesBefore(
  server: Fronted,
  fault?: ByteProxy['fault'],
): Promise<ByteProxy & { kubeconfig: string }> {
  const proxy = await byteProxy((await readServer(server)).target, fault)
  return Object.assign(proxy, { kubeconfig: await leadThrough(server, proxy.port) })
}

/** A proxy of requests before an API server: behind it everybody is the kubeconfig's user. */
export async function requestsBefore(
  server: Fronted,
  fault?: RequestProxy['fault'],
): Promise<RequestProxy & { kubeconfig: string }> {
  const { target, tls } = await readServer(server)
  const proxy = await requestProxy(target, { tls, fault })
  return Object.assign(proxy, { kubeconfig: await leadThrough(server, proxy.port) })
}

async function readServer({ kubeconfig, pki = join(dirname(kubeconfig), 'pki') }: Fronted) {
  const text = await readFile(kubeconfig, 'utf8')
  const field = (name: string) => new RegExp(`^ +${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  const data = (name: string) => Buffer.from(field(`${name}-data`), 'base64')
  const { hostname, port } = new URL(field('server'))
  const [cert, key] = await Promise.all(['crt', 'key'].map((end) => readFile(join(pki, `apiserver.${end}`))))
  const tls: Terms = {
    serve: { cert: cert as Buffer, key: key as Buffer },
    ask: { ca: data('certificate-authority'), cert: data('client-certificate'), key: data('client-key') },
  }
  return { target: { host: hostname, port: Number(port) }, tls }
}

/** Writes a copy of the kubeconfig beside it, with the proxy's address. */
async function leadThrough({ kubeconfig }: Fronted, port: number): Promise<string> {
  const path = `${kubeconfig}.through-${port}`
  const text = await readFile(kubeconfig, 'utf8')
  await writeFile(path, text.replace(/^( +server: ).*$/m, `$1https://127.0.0.1:${port}`), { mode: 0o600 })
  return path
}
