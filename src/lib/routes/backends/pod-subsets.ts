/** One Service for all nodes, and a DestinationRule with a subset for each of them. Pure. */
import type { V1ServiceSpec } from '@kubernetes/client-node'
import { CQL_PORT, DATACENTER_LABEL, labelValueFor } from '../../cassandra/resource-names.ts'
import type { Desired } from '../../changes/changeset.ts'
import { DESTINATION_RULE, SERVICE } from '../../cluster/resources.ts'
import type { DestinationRuleSpec } from '../../istio/networking.ts'
import { destinationsIn } from '../live-routes.ts'
import { routeNames, serviceHost, subsetName } from '../sni-names.ts'
import type { NodeRoute, RouteInput } from './backend.ts'
import { backendObject, exportNamespaces, owned } from './objects.ts'
import { backendByServerName } from './server-name-routes.ts'
import { POD_NAME_LABEL, subsetUpstream } from './upstreams.ts'

export const POD_SUBSETS = backendByServerName({
  backend: 'subset',
  upstream: subsetUpstream,
  // A route to a subset that does not exist yet would have no cluster.
  objects: (input, served) => [[allNodes(input)], [subsets(input, served)]],
  made: (virtualService) => destinationsIn(virtualService)[0]?.subset !== undefined,
})

/** A Service that selects every node. Istio has the addresses of its endpoints, from which the subsets choose. */
function allNodes(input: RouteInput): Desired {
  const { datacenter } = input
  const object = owned(input, SERVICE, routeNames(datacenter.name).allNodes)
  const spec: V1ServiceSpec = {
    type: 'ClusterIP',
    selector: { [DATACENTER_LABEL]: labelValueFor(datacenter.name) },
    ports: [{ name: 'tcp-cql', port: CQL_PORT, targetPort: datacenter.nativePort, protocol: 'TCP' }],
  }
  const annotations = { 'networking.istio.io/exportTo': exportNamespaces(input).join(',') }
  return {
    type: SERVICE,
    ownership: 'own',
    object: { ...object, metadata: { ...object.metadata, annotations }, spec },
  }
}

function subsets(input: RouteInput, served: readonly NodeRoute[]): Desired {
  const { datacenter, types } = input
  const { namespace, clusterDomain } = datacenter
  const type = { ...DESTINATION_RULE, version: types.virtualService.version }
  const { allNodes: service } = routeNames(datacenter.name)
  const spec: DestinationRuleSpec = {
    host: serviceHost(service, namespace, clusterDomain),
    exportTo: exportNamespaces(input),
    subsets: served.map(({ pod }) => ({ name: subsetName(pod), labels: { [POD_NAME_LABEL]: pod } })),
  }
  return backendObject(input, 'subset', type, service, spec)
}
