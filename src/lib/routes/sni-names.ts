/** The names of the objects that make up the routes. */
import { createHash } from 'node:crypto'

/**
 * Kubernetes and Istio take at most this many characters for the name of a Service, a Gateway, or one label of a DNS
 * name.
 */
const LONGEST_LABEL = 63

/**
 * The Gateway and the VirtualService of a datacenter (metadata.name of the CassandraDatacenter); the same in both
 * modes, so that one turns into the other in place.
 */
export function routeNames(datacenterName: string): { gateway: string; virtualService: string } {
  const name = dnsLabel('cass-sni-', datacenterName, '')
  return { gateway: name, virtualService: name }
}

/**
 * The Service of one node: `<pod>-cql`, shortened with a hash when that is no DNS label (a rack's name may hold
 * dots).
 */
export function nodeServiceName(pod: string): string {
  return dnsLabel('', pod, '-cql')
}

/** The SNI port's name on the gateway's Service: Istio reads the protocol from its first part. */
export function gatewayPortName(taken: { name?: string | undefined }[], port: number): string {
  return taken.some(({ name }) => name === 'tls-cql') ? `tls-cql-${port}` : 'tls-cql'
}

/** The host that a route sends to, as Istio knows it. */
export function serviceHost(service: string, namespace: string, clusterDomain: string): string {
  return `${service}.${namespace}.svc.${clusterDomain}`
}

/**
 * Envoy's name of the cluster for such a host and port (istio/istio pilot/pkg/model/push_context.go, BuildSubsetKey).
 */
export function envoyCluster({ host, port }: { host: string; port: number }): string {
  return `outbound|${port}||${host}`
}

/** prefix + name + suffix as a DNS label; two different names never give the same label. */
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
