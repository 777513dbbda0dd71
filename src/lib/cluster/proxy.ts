/** Selects the proxy for a server, as Go does (golang.org/x/net/http/httpproxy). */
import { BlockList, isIP } from 'node:net'
import { domainToASCII } from 'node:url'

type Environment = Readonly<Record<string, string | undefined>>

const PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' }

/** The proxy for a cluster: from the kubeconfig, otherwise from the environment. */
export function proxyOf(
  cluster: { server: string; 'proxy-url'?: string | undefined },
  env: Environment,
): URL | undefined {
  return cluster['proxy-url'] ? new URL(cluster['proxy-url']) : proxyFromEnvironment(cluster.server, env)
}

/**
 * The proxy for a URL from HTTPS_PROXY, HTTP_PROXY and NO_PROXY or their lower-case forms; undefined if none applies.
 * Loopback addresses are never proxied.
 */
export function proxyFromEnvironment(server: string, env: Environment): URL | undefined {
  const { hostname, protocol, port } = new URL(server)
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const name = protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const proxy = parseProxy(env[name] || env[name.toLowerCase()])
  if (proxy === undefined || host === 'localhost' || isLoopback(host)) return undefined
  const exceptions = (env.NO_PROXY || env.no_proxy || '').split(',').map((entry) => entry.trim().toLowerCase())
  return exceptions.some((entry) => matchesEntry(entry, host, port || (PORTS[protocol] ?? ''))) ? undefined : proxy
}

/** Parses a URL, or "host:port" for an HTTP proxy. As in Go, anything else is ignored. */
function parseProxy(text: string | undefined): URL | undefined {
  if (!text) return undefined
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  return URL.canParse(whole) ? new URL(whole) : undefined
}

function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.')) || /^::ffff:7f[0-9a-f]{2}:/.test(host)
}

/** Whether one entry of NO_PROXY matches. As in Go, an invalid entry matches nothing. */
function matchesEntry(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true
  const version = isIP(host)
  const [network = '', bits, ...more] = entry.split('/')
  const family = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  if (bits !== undefined && more.length === 0 && isIP(network) !== 0 && isPrefix(bits, family)) {
    if (version === 0) return false
    const list = new BlockList()
    list.addSubnet(network, Number(bits), family)
    return list.check(host, version === 4 ? 'ipv4' : 'ipv6')
  }
  const [, bracketed, plain = '', onlyPort] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/.exec(entry) ?? [
    undefined,
    undefined,
    entry,
  ]
  const name = (bracketed ?? plain).replace(/^\*(?=\.)/, '')
  if (name === '' || (onlyPort && onlyPort !== port)) return false
  if (isIP(name) !== 0) return sameAddress(name, host)
  if (version !== 0) return false
  const domain = domainToASCII(name.replace(/^\./, '')) || name
  return host.endsWith(`.${domain}`) || (!name.startsWith('.') && host === domain)
}

function isPrefix(bits: string, family: 'ipv4' | 'ipv6'): boolean {
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'ipv4' ? 32 : 128)
}

/** An IPv4 address equals its IPv4-mapped IPv6 form. */
function sameAddress(a: string, b: string): boolean {
  if (isIP(b) === 0) return false
  const list = new BlockList()
  list.addAddress(a, isIP(a) === 4 ? 'ipv4' : 'ipv6')
  return list.check(b, isIP(b) === 4 ? 'ipv4' : 'ipv6')
}
