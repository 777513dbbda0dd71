/** One plain TCP route to all nodes, whatever the server name. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { isPlainTcp } from '../live-routes.ts'
import { envoyCluster, serviceHost } from '../sni-names.ts'
import type { Backend, NodeRoute, Upstream } from './backend.ts'
import { destination, gatewayObject, gatewayPort } from './objects.ts'
import { virtualService } from './virtual-services.ts'

export const PLAIN_TCP: Backend = {
  mode: 'tcp',
  api: 'istio',
  backend: 'service',
  byServerName: false,
  desired(input) {
    const nodes = input.datacenter.nodes.map(({ pod, dnsName, hostId, waiting }): NodeRoute => {
      const state = waiting === undefined ? 'routed' : 'pending'
      return { pod, dnsName, hostId, state, reason: waiting }
    })
    const pending = nodes.flatMap(({ pod, state, reason = '' }) => (state === 'pending' ? [{ pod, reason }] : []))
    if (nodes.length === 0) return { stages: [], nodes, pending, serverNames: [] }
    const { datacenter, port } = input
    const upstream = upstreamOf(datacenter)
    return {
      stages: [
        [gatewayPort(input)],
        [gatewayObject(input, { port: { number: port, name: 'tcp-cql', protocol: 'TCP' } })],
        [
          virtualService(input, {
            hosts: [upstream.host],
            tcp: [{ match: [{ port }], route: [destination(upstream)] }],
          }),
        ],
      ],
      nodes,
      pending,
      serverNames: [],
    }
  },
  fault,
  clash: (server) => `uses protocol ${server.protocol}`,
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
 * cass-operator creates the datacenter's Service with the port in `networking.nodePort`, otherwise 9042, and with 9142;
 * it ignores a port in `spec.config` (k8ssandra/cass-operator pkg/reconciliation/construct_service.go).
 */
function fault({ service, namespace, nativePort }: Datacenter, services: readonly KubeObject[]): string | undefined {
  const spec = services.find(({ metadata }) => metadata.name === service && metadata.namespace === namespace)?.spec
  const { ports } = (spec ?? {}) as V1ServiceSpec
  if (ports === undefined || ports.some(({ port }) => port === nativePort)) return undefined
  return (
    `service/${service} does not have the CQL port ${nativePort}: cass-operator created it with ` +
    `${ports.map(({ port }) => port).join(', ')} only`
  )
}

function upstreamOf({ service, namespace, clusterDomain, nativePort }: Datacenter): Upstream {
  return { host: serviceHost(service, namespace, clusterDomain), port: nativePort }
}
