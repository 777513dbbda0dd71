/** How the live route objects differ from the desired ones, node by node: pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { Change } from '../changes/changeset.ts'
import { isOwnManager } from '../changes/ownership.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { POD_LABEL } from '../text/own-keys.ts'
import type { Backend, DesiredRoutes } from './backends/backend.ts'
import { matchesByDestination, tlsMatches } from './live-routes.ts'

/** How the live route objects compare with those that `routes sync` would make now. */
export interface Drift {
  /**
   * The way that made the live routes; the desired way while there are none. By another way what differs says nothing.
   */
  madeBy: Pick<Backend, 'mode' | 'byServerName'>
  /** What differs for a node, by pod: names of objects, or fields. Empty: in sync. */
  differences: Map<string, string[]>
  /** Why a node is left out, by pod: "no host id yet". */
  pending: Map<string, string>
  /** What differs in objects of all nodes: the Gateway, the port on the gateway's Service. */
  shared: string[]
  /** No node can be routed yet, so there is nothing to compare. */
  nothing: boolean
  /** Objects of nodes that are gone. */
  vanished: string[]
}

interface Compared {
  changes: readonly Change[]
  routes: DesiredRoutes
  datacenter: Datacenter
  /** The kind as it is written. */
  virtualService: ResourceType
  /** The desired way. */
  backend: Backend
  madeBy: Drift['madeBy']
}

/** What the changes mean for each node, and for all of them. */
export function driftOf({ changes, routes, datacenter, virtualService, backend, madeBy }: Compared): Drift {
  const drift: Drift = {
    madeBy,
    differences: new Map(),
    pending: new Map(routes.pending.map(({ pod, reason }) => [pod, reason])),
    shared: [],
    vanished: [],
    nothing: routes.desired.length === 0,
  }
  const tell = (pod: string, what: string) => drift.differences.set(pod, [...(drift.differences.get(pod) ?? []), what])
  for (const change of changes) {
    const elsewhere = change.namespace === datacenter.namespace || change.namespace === undefined
    const name = `${displayName(change.type, change.name)}${elsewhere ? '' : ` in namespace ${change.namespace}`}`
    if (change.action === 'unchanged') continue
    if (change.action === 'pruned') {
      drift.vanished.push(name)
      continue
    }
    const what = difference(change, name)
    const pod = change.desired?.object.metadata.labels?.[POD_LABEL]
    if (pod !== undefined) tell(pod, what)
    else if (change.type.kind !== virtualService.kind || change.action === 'conflict' || change.live === undefined)
      drift.shared.push(what)
    else {
      const differing = differingNodes(change.live, { routes, datacenter, backend })
      for (const each of differing) tell(each, `${name} has another route for it, or none`)
      if (differing.length === 0) drift.shared.push(what)
    }
  }
  return drift
}

function difference(change: Change, name: string): string {
  if (change.action === 'created') return `${name} does not exist`
  if (change.action === 'conflict') return `${name}: ${change.reason ?? 'it belongs to somebody else'}`
  const paths = change.fields.map(({ path }) => path)
  if (paths.length === 0)
    return `${name} has the right values, held by other field managers than should hold them (${ourManagers(change)})`
  return `${name} differs in ${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`
}

/** Those of our field managers that hold a part of it: more or fewer than should, e.g. that of version 0.1. */
function ourManagers({ live }: Change): string {
  const managers = (live?.metadata.managedFields ?? []).map(({ manager }) => manager ?? '')
  return [...new Set(managers.filter(isOwnManager))].join(', ') || 'none of ours'
}

/** The routed nodes whose match in the live VirtualService is not exactly the desired one. */
function differingNodes(
  live: KubeObject,
  { routes, datacenter, backend }: Pick<Compared, 'routes' | 'datacenter' | 'backend'>,
): string[] {
  const byHost = matchesByDestination(tlsMatches(live))
  return routes.nodes
    .filter(({ state }) => state !== 'pending')
    .filter(({ pod, dnsName, hostId }) => {
      const { host } = backend.upstream(pod, datacenter)
      const wanted = [dnsName, hostId].filter((name) => name !== undefined)
      return !(byHost.get(host) ?? []).some(
        ({ sniHosts }) => wanted.length === sniHosts.length && wanted.every((name) => sniHosts.includes(name)),
      )
    })
    .map(({ pod }) => pod)
}
