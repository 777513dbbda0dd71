/** What the live objects say: pure readers of Istio's Gateways and VirtualServices, whatever odd values they hold. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { asHostId } from '../cassandra/resource-names.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { nodeServiceName, serviceHost } from './sni-names.ts'

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
  port?: number
  sniHosts: string[]
  /** Hosts that it sends to. */
  destinations: string[]
}

/**
 * The host id that the live VirtualService routes for each pod of the datacenter, by the Service that the route sends
 * to.
 */
export function liveHostIds(virtualService: KubeObject, datacenter: Datacenter): Map<string, string> {
  const byDestination = new Map<string, string>()
  for (const { destinations, sniHosts } of tlsMatches(virtualService)) {
    const hostId = sniHosts.flatMap((name) => asHostId(name) ?? [])[0]
    if (hostId === undefined) continue
    // the first match that names one counts
    for (const host of destinations) if (!byDestination.has(host)) byDestination.set(host, hostId)
  }
  return new Map(
    datacenter.nodes.flatMap(({ pod }) => {
      const host = serviceHost(nodeServiceName(pod), datacenter.namespace, datacenter.clusterDomain)
      const hostId = byDestination.get(host)
      return hostId === undefined ? [] : [[pod, hostId] as const]
    }),
  )
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
    return list(at(route, 'match')).map((match) => {
      const port = number(at(match, 'port'))
      return { ...(port === undefined ? {} : { port }), sniHosts: texts(at(match, 'sniHosts')), destinations }
    })
  })
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
