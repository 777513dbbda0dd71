/** One ServiceEntry per node, whose address the gateway's Envoy resolves by DNS. Pure. */
import { CQL_PORT, DATACENTER_LABEL, labelValueFor } from '../../cassandra/resource-names.ts'
import type { Desired } from '../../changes/changeset.ts'
import { PEER_AUTHENTICATION, SERVICE_ENTRY } from '../../cluster/resources.ts'
import type { ServiceEntrySpec } from '../../istio/networking.ts'
import { POD_LABEL } from '../../text/own-keys.ts'
import { confirmedAnnotation } from '../confirmed-host-ids.ts'
import { destinationsIn } from '../live-routes.ts'
import { nodeServiceName, routeNames } from '../sni-names.ts'
import type { NodeRoute, RouteInput } from './backend.ts'
import { backendObject, exportNamespaces } from './objects.ts'
import { backendByServerName } from './server-name-routes.ts'
import { entryUpstream, isEntryHost } from './upstreams.ts'

export const SERVICE_ENTRIES = backendByServerName({
  backend: 'serviceentry',
  upstream: entryUpstream,
  objects: (input, served) => [[...serviceEntries(input, served), ...plainPort(input)]],
  made: (virtualService) => destinationsIn(virtualService).some(({ host }) => isEntryHost(host)),
})

/**
 * Istio assigns an address to every ServiceEntry, which clients in the mesh would get from its DNS proxy
 * (istio.io/docs/ops/configuration/traffic-management/dns-proxy). These hosts are for the gateway only.
 */
const NO_ADDRESS = { 'networking.istio.io/enable-autoallocate-ip': 'false' }

function serviceEntries(input: RouteInput, served: readonly NodeRoute[]): Desired[] {
  const { datacenter, types, backendObjects = [] } = input
  const type = { ...SERVICE_ENTRY, version: types.virtualService.version }
  const nodes = new Map(datacenter.nodes.map((node) => [node.pod, node]))
  const live = new Map(
    backendObjects.filter(({ kind }) => kind === type.kind).map((each) => [each.metadata.name, each]),
  )
  return served.map(({ pod, dnsName }) => {
    const name = nodeServiceName(pod)
    const spec: ServiceEntrySpec = {
      hosts: [entryUpstream(pod, datacenter).host],
      exportTo: exportNamespaces(input),
      location: 'MESH_INTERNAL',
      resolution: 'DNS',
      // TCP would require an address
      ports: [{ number: CQL_PORT, name: 'tls-cql', protocol: 'TLS' }],
      endpoints: [{ address: dnsName, ports: { 'tls-cql': datacenter.nativePort } }],
    }
    return backendObject(input, 'serviceentry', type, name, spec, {
      labels: { ...NO_ADDRESS, [POD_LABEL]: pod },
      annotations: confirmedAnnotation(nodes.get(pod), live.get(name)),
    })
  })
}

/**
 * Envoy does not use Istio's mutual TLS for an address from DNS (istio/istio pilot/pkg/serviceregistry/serviceentry/
 * conversion.go), so a sidecar in STRICT mode would reject it. PERMISSIVE, for this port of these pods only: with
 * DISABLE, sidecars would reject the mutual TLS of a gateway that still has the routes of another backend.
 */
function plainPort(input: RouteInput): Desired[] {
  const { nodes, name, nativePort } = input.datacenter
  if (!nodes.some(({ sidecar }) => sidecar)) return []
  const spec = {
    // portLevelMtls requires a selector (istio/istio pkg/config/validation/validation.go, validatePeerAuthentication)
    selector: { matchLabels: { [DATACENTER_LABEL]: labelValueFor(name) } },
    portLevelMtls: { [String(nativePort)]: { mode: 'PERMISSIVE' } },
  }
  return [backendObject(input, 'serviceentry', PEER_AUTHENTICATION, routeNames(name).plainPort, spec)]
}
