/** The blog's first test: one plain TCP route to all nodes, whatever name a client asks for. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { isPlainTcp } from '../live-routes.ts'
import { envoyCluster, serviceHost } from '../sni-names.ts'
import type { Backend, NodeRoute, Upstream } from './backend.ts'
import { destination, gatewayObject, gatewayPort, virtualService } from './objects.ts'

export const PLAIN_TCP: Backend = {
  mode: 'tcp',
  byServerName: false,
  desired(input) {
    const nodes = input.datacenter.nodes.map(({ pod, dnsName, hostId, waiting }): NodeRoute => {
      const state = waiting === undefined ? 'routed' : 'pending'
      return { pod, dnsName, hostId, state, reason: waiting }
    })
    const pending = nodes.flatMap(({ pod, state, reason = '' }) => (state === 'pending' ? [{ pod, reason }] : []))
    if (nodes.length === 0) return { desired: [], nodes, pending, serverNames: [] }
    const { datacenter, port } = input
    const upstream = upstreamOf(datacenter)
    return {
      desired: [
        gatewayPort(input),
        gatewayObject(input, { port: { number: port, name: 'tcp-cql', protocol: 'TCP' } }),
        virtualService(input, {
          hosts: [upstream.host],
          tcp: [{ match: [{ port }], route: [destination(upstream)] }],
        }),
      ],
      nodes,
      pending,
      serverNames: [],
    }
  },
  fault,
  clash: (server) => `serves it as ${server.protocol}`,
  made: isPlainTcp,
  upstream: (_pod, datacenter) => upstreamOf(datacenter),
  lacks(_routes, datacenter, loaded) {
    const upstream = upstreamOf(datacenter)
    const cluster = envoyCluster(upstream)
    return loaded.some((route) => route.cluster === cluster) ? [] : [`the route to ${upstream.host}`]
  },
  described: () => 'all nodes behind one route',
}

/**
 * cass-operator gives the datacenter's Service the port of `networking.nodePort`, else 9042, and 9142; of a port in
 * `spec.config` it knows nothing (k8ssandra/cass-operator pkg/reconciliation/construct_service.go).
 */
function fault({ service, namespace, nativePort }: Datacenter, services: readonly KubeObject[]): string | undefined {
  const spec = services.find(({ metadata }) => metadata.name === service && metadata.namespace === namespace)?.spec
  const { ports } = (spec ?? {}) as V1ServiceSpec
  if (ports === undefined || ports.some(({ port }) => port === nativePort)) return undefined
  return (
    `service/${service} has no port ${nativePort}, on which Cassandra's clients are served: cass-operator gives ` +
    `it ${ports.map(({ port }) => port).join(', ')} only`
  )
}

function upstreamOf({ service, namespace, clusterDomain, nativePort }: Datacenter): Upstream {
  return { host: serviceHost(service, namespace, clusterDomain), port: nativePort }
}
