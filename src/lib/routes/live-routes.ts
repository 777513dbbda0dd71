/** Parses live Gateways and VirtualServices, tolerating invalid values. Pure. */
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'
import { upstreamKey } from './sni-names.ts'

/** One server of an Istio Gateway. */
export interface GatewayServer {
  port: number
  protocol: string
  /** Of TLS: PASSTHROUGH, SIMPLE, MUTUAL. */
  mode: string
  /** "ns/host", or "host" for any namespace; "." is replaced by the Gateway's namespace. */
  hosts: string[]
}

/** One tls match of a VirtualService. */
export interface TlsMatch {
  /** Undefined: any port. */
  port?: number | undefined
  sniHosts: string[]
  /** The keys of the destinations: see `upstreamKey`. */
  destinations: string[]
}

/** Returns whether this program created the object for the routes of the datacenter. */
export function isRouteOf(object: KubeObject, datacenter: { name: string; namespace: string }): boolean {
  const { labels, namespace } = object.metadata
  return isManaged(object) && labels?.[OWNER_LABEL] === datacenter.name && namespace === datacenter.namespace
}

/** Groups matches by destination: see `upstreamKey`. */
export function matchesByDestination(matches: readonly TlsMatch[]): Map<string, TlsMatch[]> {
  const byHost = new Map<string, TlsMatch[]>()
  for (const match of matches) {
    for (const host of match.destinations) {
      const existing = byHost.get(host)
      if (existing === undefined) byHost.set(host, [match])
      else existing.push(match)
    }
  }
  return byHost
}

/** Returns the servers of a Gateway. */
export function serversOf(gateway: KubeObject): GatewayServer[] {
  return list(at(gateway, 'spec', 'servers')).map((server) => ({
    port: number(at(server, 'port', 'number')) ?? 0,
    protocol: String(at(server, 'port', 'protocol') ?? '').toUpperCase(),
    mode: String(at(server, 'tls', 'mode') ?? ''),
    hosts: texts(at(server, 'hosts')).map((host) => normalHost(host, gateway.metadata.namespace ?? '')),
  }))
}

/** Returns the pod selector of a Gateway. */
export function selectorOf(gateway: KubeObject): Record<string, string> {
  const selector = at(gateway, 'spec', 'selector')
  return typeof selector === 'object' && selector !== null
    ? Object.fromEntries(
        Object.entries(selector).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {}
}

/** Returns the tls matches of a VirtualService, in order. */
export function tlsMatches(virtualService: KubeObject): TlsMatch[] {
  return list(at(virtualService, 'spec', 'tls')).flatMap((route) => {
    const destinations = routeDestinations(route).map(upstreamKey)
    return list(at(route, 'match')).map((match) => ({
      port: number(at(match, 'port')),
      sniHosts: texts(at(match, 'sniHosts')),
      destinations,
    }))
  })
}

/** Returns the ports matched by the routes of a VirtualService, of all protocols; undefined means any port. */
export function portsOfRoutes(virtualService: KubeObject): (number | undefined)[] {
  return ['tls', 'tcp', 'http'].flatMap((kind) =>
    list(at(virtualService, 'spec', kind)).flatMap((route) => {
      const matches = list(at(route, 'match'))
      return matches.length === 0 ? [undefined] : matches.map((match) => number(at(match, 'port')))
    }),
  )
}

/** A destination of a live route. */
export interface LiveDestination {
  host: string
  subset?: string | undefined
}

/** Returns all destinations of a VirtualService. */
export function destinationsIn(virtualService: KubeObject): LiveDestination[] {
  return ['tls', 'tcp'].flatMap((kind) => list(at(virtualService, 'spec', kind)).flatMap(routeDestinations))
}

function routeDestinations(route: unknown): LiveDestination[] {
  return list(at(route, 'route')).flatMap((each) => {
    const [host] = texts([at(each, 'destination', 'host')])
    const [subset] = texts([at(each, 'destination', 'subset')])
    return host === undefined ? [] : [{ host, subset }]
  })
}

/** True for a VirtualService of tcp mode, which routes all traffic whatever the server name. */
export function isPlainTcp(virtualService: KubeObject): boolean {
  return list(at(virtualService, 'spec', 'tcp')).length > 0 && list(at(virtualService, 'spec', 'tls')).length === 0
}

/** Returns the Gateways that a VirtualService is bound to, as "namespace/name", without "mesh". */
export function gatewaysOf(virtualService: KubeObject): string[] {
  const namespace = virtualService.metadata.namespace ?? ''
  return texts(at(virtualService, 'spec', 'gateways'))
    .filter((name) => name !== 'mesh')
    .map((name) => qualified(name, namespace))
}

/** Adds the object's own namespace to a bare name; the old form with dots is "name.namespace.svc…". */
function qualified(name: string, namespace: string): string {
  if (name.includes('/')) return name.startsWith('./') ? `${namespace}${name.slice(1)}` : name
  const [short, other] = name.split('.')
  return other === undefined ? `${namespace}/${name}` : `${other}/${short}`
}

/**
 * Normalizes a host for comparison as Istio does (istio/istio pilot/pkg/model/gateway.go): "./x" is "ns/x", and a
 * leading namespace "*" is dropped.
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
