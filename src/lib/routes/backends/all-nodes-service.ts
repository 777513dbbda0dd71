/** One Service for all nodes: behind the subsets, and behind the names that reach any node. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { CQL_PORT, DATACENTER_LABEL, labelValueFor } from '../../cassandra/resource-names.ts'
import type { Desired } from '../../changes/changeset.ts'
import { SERVICE } from '../../cluster/resources.ts'
import { routeNames, serviceHost } from '../sni-names.ts'
import type { RouteInput, Upstream } from './backend.ts'
import { exportNamespaces, owned } from './objects.ts'

/** Returns the destination that is any ready node. */
export function anyNodeUpstream({ name, namespace, clusterDomain }: Datacenter): Upstream {
  return { host: serviceHost(routeNames(name).allNodes, namespace, clusterDomain), port: CQL_PORT }
}

/** Returns a Service that selects every node, exported to the gateway's namespace only. */
export function allNodesService(input: RouteInput): Desired {
  const { datacenter } = input
  const object = owned(input, SERVICE, routeNames(datacenter.name).allNodes)
  const spec: V1ServiceSpec = {
    type: 'ClusterIP',
    selector: { [DATACENTER_LABEL]: labelValueFor(datacenter.name) },
    // Istio derives the protocol from the prefix.
    ports: [{ name: 'tcp-cql', port: CQL_PORT, targetPort: datacenter.nativePort, protocol: 'TCP' }],
  }
  const annotations = { 'networking.istio.io/exportTo': exportNamespaces(input).join(',') }
  return {
    type: SERVICE,
    ownership: 'own',
    object: { ...object, metadata: { ...object.metadata, annotations }, spec },
  }
}
