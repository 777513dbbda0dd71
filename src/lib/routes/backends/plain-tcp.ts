/** The blog's first test: one plain TCP route to all nodes, whatever name a client asks for. Pure. */
import { isPlainTcp } from '../live-routes.ts'
import { envoyCluster, serviceHost } from '../sni-names.ts'
import type { Backend, NodeRoute, RouteInput } from './backend.ts'
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
    const host = serviceOf(datacenter)
    return {
      desired: [
        gatewayPort(input),
        gatewayObject(input, { port: { number: port, name: 'tcp-cql', protocol: 'TCP' } }),
        virtualService(input, {
          hosts: [host],
          tcp: [{ match: [{ port }], route: [destination(host, datacenter.nativePort)] }],
        }),
      ],
      nodes,
      pending,
      serverNames: [],
    }
  },
  clash: (server) => `serves it as ${server.protocol}`,
  made: isPlainTcp,
  lacks(_routes, datacenter, loaded) {
    const cluster = envoyCluster(serviceOf(datacenter), datacenter.nativePort)
    return loaded.some((route) => route.cluster === cluster) ? [] : [`the route to ${serviceOf(datacenter)}`]
  },
  described: () => 'all nodes behind one route',
}

function serviceOf({ service, namespace, clusterDomain }: RouteInput['datacenter']): string {
  return serviceHost(service, namespace, clusterDomain)
}
