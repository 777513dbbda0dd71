/** Reads the configuration that an Envoy has actually loaded, from its admin interface inside the gateway pod. */
import type { Kube } from '../cluster/kube.ts'
import { getFromPod } from '../cluster/pod-http.ts'
import { CassSniError } from '../errors.ts'
import { tcpPort } from './gateways.ts'
import type { GatewayPod, IngressGateway, LoadedRoute } from './mesh.ts'

/** Envoy's admin interface listens on the pod's own localhost (istio/istio pkg/config/mesh/mesh.go, ProxyAdminPort). */
const ADMIN_PORT = 15000

/** The listeners of one port of one Envoy. */
export interface LoadedListener {
  routes: LoadedRoute[]
  /** Envoy's error if it rejected the last configuration. */
  error?: string | undefined
}

/**
 * Returns the port that a gateway pod listens on for a Gateway with this port: the Service's targetPort, a number or
 * the name of a container port, if the Service has the port (istio/istio pilot/pkg/model/gateway.go).
 */
export function listeningPort(gateway: IngressGateway, port: number, pod?: GatewayPod): number {
  const target = tcpPort(gateway, port)?.targetPort
  if (typeof target === 'number') return target
  if (target === undefined) return port
  return (pod ?? gateway.pods[0])?.namedPorts?.[target] ?? port
}

/**
 * Returns the filter chains of a pod's Envoy on a port (see `listeningPort`), and a rejected configuration.
 * Throws CSNI203 without permission for pods/portforward, CSNI601 if Envoy cannot be queried.
 */
export async function loadedListener(kube: Kube, pod: GatewayPod, port: number): Promise<LoadedListener> {
  const query = new URLSearchParams({ resource: 'dynamic_listeners', name_regex: `.*_${port}` })
  const { status, body } = await getFromPod(kube, pod, ADMIN_PORT, `/config_dump?${query.toString()}`)
  const object = `pod/${pod.name} in namespace ${pod.namespace}`
  // Without any listener Envoy returns 404: "dynamic_listeners not found in config dump" (envoyproxy/envoy
  // source/server/admin/config_dump_handler.cc).
  if (status === 404) return { routes: [] }
  if (status !== 200)
    throw new CassSniError('CSNI601', `Envoy in pod ${pod.name} returned status ${status} for /config_dump`, { object })
  try {
    return listenerFrom(JSON.parse(body), port)
  } catch (cause) {
    throw new CassSniError('CSNI601', `Envoy in pod ${pod.name} returned an invalid configuration dump`, {
      object,
      cause,
    })
  }
}

/**
 * Returns the names of the clusters that a pod's Envoy can use; one whose name is still being resolved is not among
 * them (envoyproxy/envoy source/server/admin/clusters_handler.cc). Throws as `loadedListener` does.
 */
export async function activeClusters(kube: Kube, pod: GatewayPod): Promise<Set<string>> {
  const { status, body } = await getFromPod(kube, pod, ADMIN_PORT, '/clusters?format=json')
  const object = `pod/${pod.name} in namespace ${pod.namespace}`
  if (status !== 200)
    throw new CassSniError('CSNI601', `Envoy in pod ${pod.name} returned status ${status} for /clusters`, { object })
  try {
    return new Set(list(JSON.parse(body), 'cluster_statuses').map((each) => String(at(each, 'name'))))
  } catch (cause) {
    throw new CassSniError('CSNI601', `Envoy in pod ${pod.name} returned an invalid list of clusters`, {
      object,
      cause,
    })
  }
}

/**
 * Extracts the filter chains on a port from a dump of dynamic_listeners. Pure. Envoy's field names:
 * envoy/admin/v3/config_dump_shared.proto.
 */
export function listenerFrom(dump: unknown, port: number): LoadedListener {
  const routes: LoadedRoute[] = []
  let error: string | undefined
  for (const listener of list(dump, 'configs')) {
    const active = at(listener, 'active_state', 'listener')
    if (
      at(active, 'address', 'socket_address', 'port_value') !== port &&
      !String(at(listener, 'name')).endsWith(`_${port}`)
    )
      continue
    const details = at(listener, 'error_state', 'details')
    if (typeof details === 'string') error = details
    const fallback = at(active, 'default_filter_chain')
    for (const chain of [...list(active, 'filter_chains'), ...(fallback === undefined ? [] : [fallback])]) {
      const serverNames = list(at(chain, 'filter_chain_match'), 'server_names').filter(
        (name) => typeof name === 'string',
      )
      for (const filter of list(chain, 'filters')) {
        for (const cluster of clustersOf(at(filter, 'typed_config'))) routes.push({ serverNames, cluster })
      }
    }
  }
  return { routes, error }
}

/** A TCP proxy names one cluster, or several with weights. */
function clustersOf(config: unknown): string[] {
  const weighted = list(at(config, 'weighted_clusters'), 'clusters').map((each) => at(each, 'name'))
  return [at(config, 'cluster'), ...weighted].filter((name) => typeof name === 'string')
}

function at(from: unknown, ...path: string[]): unknown {
  let value = from
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return value
}

function list(from: unknown, key: string): unknown[] {
  const value = at(from, key)
  return Array.isArray(value) ? value : []
}
