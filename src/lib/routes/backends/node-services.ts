/** One Service per node. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import { CQL_PORT } from '../../cassandra/resource-names.ts'
import type { Desired } from '../../changes/changeset.ts'
import { SERVICE } from '../../cluster/resources.ts'
import { POD_LABEL } from '../../text/own-keys.ts'
import { confirmedAnnotation } from '../confirmed-host-ids.ts'
import { isPlainTcp } from '../live-routes.ts'
import { nodeServiceName } from '../sni-names.ts'
import type { NodeRoute, RouteInput } from './backend.ts'
import { exportNamespaces, owned } from './objects.ts'
import { backendByServerName } from './server-name-routes.ts'
import { serviceUpstream } from './upstreams.ts'

export const NODE_SERVICES = backendByServerName({
  backend: 'service',
  upstream: serviceUpstream,
  objects: (input, served) => [nodeServices(input, served)],
  // also a VirtualService without readable routes
  made: (virtualService) => !isPlainTcp(virtualService),
})

/**
 * One ClusterIP Service per node: works with every Istio version and under mTLS, follows readiness, and has only the
 * CQL port (k8ssandra/cass-operator issue 422). It is exported to the gateway's namespace only: otherwise every sidecar
 * in the datacenter's namespace would get a listener and a cluster for every node.
 */
export function nodeServices(input: RouteInput, served: readonly NodeRoute[]): Desired[] {
  const { datacenter, services = [] } = input
  const exportTo = exportNamespaces(input).join(',')
  const nodes = new Map(datacenter.nodes.map((node) => [node.pod, node]))
  const live = new Map(services.map((service) => [service.metadata.name, service]))
  return served.map(({ pod }) => {
    const object = owned(input, SERVICE, nodeServiceName(pod))
    const confirmed = confirmedAnnotation(nodes.get(pod), live.get(object.metadata.name))
    const spec: V1ServiceSpec = {
      type: 'ClusterIP',
      selector: { 'statefulset.kubernetes.io/pod-name': pod },
      // Istio derives the protocol from the prefix.
      ports: [{ name: 'tcp-cql', port: CQL_PORT, targetPort: datacenter.nativePort, protocol: 'TCP' }],
    }
    return {
      type: SERVICE,
      ownership: 'own',
      object: {
        ...object,
        metadata: {
          ...object.metadata,
          labels: { ...object.metadata.labels, [POD_LABEL]: pod },
          annotations: { 'networking.istio.io/exportTo': exportTo, ...confirmed },
        },
        spec,
      },
    }
  })
}
