/** What the live objects say: pure readers of Istio's Gateways and VirtualServices, whatever odd values they hold. */
import type { KubeObject } from '../cluster/kube.ts'

/** One server of an Istio Gateway. */
export interface GatewayServer {
  port: number
  protocol: string
  /** With the Gateway's own namespace in place of ".": "ns/host", or "host" for any namespace. */
  hosts: string[]
}

/** One tls match of a VirtualService. */
export interface TlsMatch {
  /** Undefined: any port. */
  port?: number | undefined
  sniHosts: string[]
  /** Hosts that it sends to. */
  destinations: string[]
}

/** The matches of a VirtualService by the host that they send to. */
export function matchesByDestination(matches: readonly TlsMatch[]): Map<string, TlsMatch[]> {
  const byHost = new Map<string, TlsMatch[]>()
  for (const match of matches) {
    for (const host of match.destinations) {
      const there = byHost.get(host)
      if (there === undefined) byHost.set(host, [match])
      else there.push(match)
    }
  }
  return byHost
}

/** The servers of a Gateway. */
export function serversOf(gateway: KubeObject): GatewayServer[] {
  return list(at(gateway, 'spec', 'servers')).map((server) => ({
    port: number(at(server, 'port', 'number')) ?? 0,
    protocol: String(at(server, 'port', 'protocol') ?? '').toUpperCase(),
    hosts: texts(at(server, 'hosts')).map((host) => normalHost(host, gateway.metadata.namespace ?? '')),
  }))
}

/** The labels by which a Gateway chooses the pods of a gateway. */
export function selectorOf(gateway: KubeObject): Record<string, string> {
  const selector = at(gateway, 'spec', 'selector')
  return typeof selector === 'object' && selector !== null
    ? Object.fromEntries(
        Object.entries(selector).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {}
}

/** The tls matches of a VirtualService, in order. */
export function tlsMatches(virtualService: KubeObject): TlsMatch[] {
  return list(at(virtualService, 'spec', 'tls')).flatMap((route) => {
    const destinations = list(at(route, 'route')).flatMap((each) => texts([at(each, 'destination', 'host')]))
    return list(at(route, 'match')).map((match) => ({
      port: number(at(match, 'port')),
      sniHosts: texts(at(match, 'sniHosts')),
      destinations,
    }))
  })
}

/** The ports that the routes of a VirtualService are for, of whatever protocol; undefined stands for any. */
export function portsOfRoutes(virtualService: KubeObject): (number | undefined)[] {
  return ['tls', 'tcp', 'http'].flatMap((kind) =>
    list(at(virtualService, 'spec', kind)).flatMap((route) => {
      const matches = list(at(route, 'match'))
      return matches.length === 0 ? [undefined] : matches.map((match) => number(at(match, 'port')))
    }),
  )
}

/** All hosts that a VirtualService sends to. */
export function destinationHosts(virtualService: KubeObject): string[] {
  return ['tls', 'tcp'].flatMap((kind) =>
    list(at(virtualService, 'spec', kind)).flatMap((route) =>
      list(at(route, 'route')).flatMap((each) => texts([at(each, 'destination', 'host')])),
    ),
  )
}

/**
 * True for a VirtualService that sends whatever comes to one place, whichever name it asks for: what tcp mode makes.
 */
export function isPlainTcp(virtualService: KubeObject): boolean {
  return list(at(virtualService, 'spec', 'tcp')).length > 0 && list(at(virtualService, 'spec', 'tls')).length === 0
}

/** The Gateways that a VirtualService is bound to, as "namespace/name"; "mesh" is none. */
export function gatewaysOf(virtualService: KubeObject): string[] {
  const namespace = virtualService.metadata.namespace ?? ''
  return texts(at(virtualService, 'spec', 'gateways'))
    .filter((name) => name !== 'mesh')
    .map((name) => qualified(name, namespace))
}

/** A name without a namespace means the object's own; the old form with dots is "name.namespace.svc…". */
function qualified(name: string, namespace: string): string {
  if (name.includes('/')) return name.startsWith('./') ? `${namespace}${name.slice(1)}` : name
  const [short, other] = name.split('.')
  return other === undefined ? `${namespace}/${name}` : `${other}/${short}`
}

/**
 * As Istio compares them (istio/istio pilot/pkg/model/gateway.go): "./x" is "ns/x", a namespace that is not given or
 * is "*" is left away.
 */
function normalHost(host: string, namespace: string): string {
  if (host.startsWith('./')) return `${namespace}${host.slice(1)}`
  return host.startsWith('*/') ? host.slice(2) : host
}

function at(from: unknown, ...path: string[]): unknown {
  let value = from
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return value
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function texts(value: unknown): string[] {
  return list(value).filter((each) => typeof each === 'string')
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
