/** One Service for all nodes, and a DestinationRule with a subset for each of them. Pure. */
import type { Desired } from '../../changes/changeset.ts'
import { DESTINATION_RULE } from '../../cluster/resources.ts'
import type { DestinationRuleSpec } from '../../istio/networking.ts'
import { destinationsIn } from '../live-routes.ts'
import { routeNames, subsetName } from '../sni-names.ts'
import type { NodeRoute, RouteInput } from './backend.ts'
import { allNodesService, anyNodeUpstream } from './all-nodes-service.ts'
import { backendObject, exportNamespaces } from './objects.ts'
import { backendByServerName } from './server-name-routes.ts'
import { POD_NAME_LABEL, subsetUpstream } from './upstreams.ts'

export const POD_SUBSETS = backendByServerName({
  backend: 'subset',
  upstream: subsetUpstream,
  // A route to a subset that does not exist yet would have no cluster.
  objects: (input, served) => [[allNodesService(input)], [subsets(input, served)]],
  made: (virtualService) => destinationsIn(virtualService)[0]?.subset !== undefined,
})

function subsets(input: RouteInput, served: readonly NodeRoute[]): Desired {
  const { datacenter, types } = input
  const type = { ...DESTINATION_RULE, version: types.virtualService.version }
  const spec: DestinationRuleSpec = {
    host: anyNodeUpstream(datacenter).host,
    exportTo: exportNamespaces(input),
    subsets: served.map(({ pod }) => ({ name: subsetName(pod), labels: { [POD_NAME_LABEL]: pod } })),
  }
  return backendObject(input, 'subset', type, routeNames(datacenter.name).allNodes, spec)
}
