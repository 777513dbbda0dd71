/** The names of the route objects. */
import { createHash } from 'node:crypto'

/** Length limit of Kubernetes and Istio for the name of a Service or Gateway and for a DNS label. */
const LONGEST_LABEL = 63

export interface RouteNames {
  gateway: string
  virtualService: string
  /** Backend `subset`: the Service of all nodes, and its DestinationRule. */
  allNodes: string
  /** Backend `serviceentry`: the PeerAuthentication. */
  plainPort: string
  /** The metadata service: its Service, Deployment, Secret and TLSRoute. */
  metadata: string
}

/**
 * Returns the names of a datacenter's route objects. Gateway and VirtualService are the same in both modes and for all
 * backends, so that switching updates them in place.
 */
export function routeNames(datacenterName: string): RouteNames {
  const name = dnsLabel('cass-sni-', datacenterName, '')
  const plainPort = dnsLabel('cass-sni-', datacenterName, '-cql')
  const metadata = dnsLabel('cass-sni-', datacenterName, '-metadata')
  return { gateway: name, virtualService: name, allNodes: name, plainPort, metadata }
}

/**
 * Returns the name of a part of a datacenter's VirtualServices: the first has the same name as the only one, the others
 * end in a dot and their number, which the name of no other datacenter's VirtualService has.
 */
export function virtualServiceName(datacenterName: string, part: number): string {
  const { virtualService } = routeNames(datacenterName)
  return part === 0 ? virtualService : `${virtualService}.${part}`
}

/** Returns the part that has this name; undefined for another name. */
export function partOfName(datacenterName: string, name: string): number | undefined {
  const { virtualService } = routeNames(datacenterName)
  if (name === virtualService) return 0
  const suffix = name.startsWith(`${virtualService}.`) ? name.slice(virtualService.length + 1) : ''
  return /^[1-9]\d{0,3}$/.test(suffix) ? Number(suffix) : undefined
}

/**
 * Returns the name of a node's Service: `<pod>-cql`, shortened with a hash if that is not a DNS label (rack names may
 * contain dots).
 */
export function nodeServiceName(pod: string): string {
  return dnsLabel('', pod, '-cql')
}

/** Returns the name of a pod's subset, which Istio requires to be a DNS label. */
export function subsetName(pod: string): string {
  return dnsLabel('', pod, '')
}

/** Returns the port name on the gateway's Service: Istio derives the protocol from its prefix. */
export function gatewayPortName(taken: { name?: string | undefined }[], port: number): string {
  return taken.some(({ name }) => name === 'tls-cql') ? `tls-cql-${port}` : 'tls-cql'
}

/** Returns the destination host of a route. */
export function serviceHost(service: string, namespace: string, clusterDomain: string): string {
  return `${service}.${namespace}.svc.${clusterDomain}`
}

/** Returns a key for a destination: hosts have no `#`. */
export function upstreamKey({ host, subset }: { host: string; subset?: string | undefined }): string {
  return subset === undefined ? host : `${host}#${subset}`
}

/**
 * Returns Envoy's cluster name for a host and port (istio/istio pilot/pkg/model/push_context.go, BuildSubsetKey).
 */
export function envoyCluster({
  host,
  port,
  subset = '',
}: {
  host: string
  port: number
  subset?: string | undefined
}): string {
  return `outbound|${port}|${subset}|${host}`
}

/** Builds a DNS label from prefix, name and suffix; different names never yield the same label. */
function dnsLabel(prefix: string, name: string, suffix: string): string {
  const whole = `${prefix}${name}${suffix}`
  if (whole.length <= LONGEST_LABEL && /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(whole)) return whole
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8)
  const clean = name
    .toLowerCase()
    .replace(/[^-a-z0-9]+/g, '-')
    .slice(0, LONGEST_LABEL - prefix.length - suffix.length - hash.length - 1)
    .replace(/-+$/, '')
  const label = `${prefix}${clean}-${hash}${suffix}`
  return /^[a-z]/.test(label) ? label : `c${label}`.slice(0, LONGEST_LABEL)
}
