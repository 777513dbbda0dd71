/** Whether requests to the API server go through the proxy of the environment (golang.org/x/net/http/httpproxy). */
import { BlockList, isIP } from 'node:net'

/**
 * The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY choose for a server URL; undefined for none.
 * kubectl obeys them, client-node does not. Loopback addresses are never proxied.
 */
export function proxyFromEnvironment(server: string, env: Record<string, string | undefined>): string | undefined {
  const { hostname, protocol, port } = new URL(server)
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const proxy = protocol === 'https:' ? (env.HTTPS_PROXY ?? env.https_proxy) : (env.HTTP_PROXY ?? env.http_proxy)
  if (proxy === undefined || proxy === '') return undefined
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined
  const exceptions = (env.NO_PROXY ?? env.no_proxy ?? '').split(',').map((entry) => entry.trim().toLowerCase())
  if (
    exceptions.some(
      (entry) => entry !== '' && excepts(entry, host, port === '' ? (protocol === 'https:' ? '443' : '80') : port),
    )
  )
    return undefined
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

function excepts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  const [network, bits] = entry.split('/')
  const version = isIP(host)
  if (bits !== undefined && network !== undefined) {
    if (version === 0 || isIP(network) !== version) return false
    const list = new BlockList()
    const family = version === 4 ? 'ipv4' : 'ipv6'
    list.addSubnet(network, Number(bits), family)
    return list.check(host, family)
  }
  const withPort = /^(.*[^:]):(\d+)$/.exec(entry)
  const [name, onlyPort] = withPort === null ? [entry, undefined] : [withPort[1] ?? '', withPort[2]]
  if (onlyPort !== undefined && onlyPort !== port) return false
  if (name.startsWith('.') || name.startsWith('*.')) return host.endsWith(name.replace(/^\*/, ''))
  return host === name || (version === 0 && host.endsWith(`.${name}`))
}
