/** The drift of the live route objects from the desired ones, per node. Pure. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { Change } from '../changes/changeset.ts'
import { isOwnManager } from '../changes/ownership.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { displayName, TLS_ROUTE } from '../cluster/resources.ts'
import type { Acceptance } from '../gateway-api/acceptance.ts'
import { POD_LABEL } from '../text/own-keys.ts'
import type { Backend, DesiredRoutes } from './backends/backend.ts'
import { changesOnlyRecord } from './confirmed-host-ids.ts'
import { matchesByDestination, tlsMatches } from './live-routes.ts'
import { upstreamKey } from './sni-names.ts'
import { listed } from '../text/listed.ts'

/** The live route objects compared with those that `routes sync` would create now. */
export interface Drift {
  /** The backend of the live routes, or the desired one without routes. If they differ, the drift is meaningless. */
  madeBy: Pick<Backend, 'mode' | 'byServerName'>
  /** Differences by pod: object names or fields. Empty: in sync. */
  differences: Map<string, string[]>
  /** Why a node has no route, by pod: "no host ID yet". */
  pending: Map<string, string>
  /** Differences in shared objects: the Gateway, the port of the gateway's Service. */
  shared: string[]
  /** No node can be routed yet, so nothing is compared. */
  nothing: boolean
  /** Stale objects of removed nodes. */
  vanished: string[]
}

interface Compared {
  changes: readonly Change[]
  routes: DesiredRoutes
  datacenter: Datacenter
  /** The type to write. */
  virtualService: ResourceType
  /** The desired backend. */
  backend: Backend
  madeBy: Drift['madeBy']
  /** For the Gateway API: what the status of the live objects states. */
  acceptance?: Acceptance | undefined
}

/** Assigns the changes to nodes and to shared objects. */
export function driftOf(compared: Compared): Drift {
  const { changes, routes, datacenter, virtualService, backend, madeBy, acceptance } = compared
  const drift: Drift = {
    madeBy,
    differences: new Map(),
    pending: new Map(routes.pending.map(({ pod, reason }) => [pod, reason])),
    shared: [],
    vanished: [],
    nothing: routes.stages.length === 0,
  }
  const served = routes.nodes.filter(({ state }) => state !== 'pending').map(({ pod }) => pod)
  const pods = new Map(served.map((pod) => [upstreamKey(backend.upstream(pod, datacenter)), pod]))
  const add = (pod: string, what: string) => drift.differences.set(pod, [...(drift.differences.get(pod) ?? []), what])
  for (const change of changes) {
    const inDatacenter = change.namespace === datacenter.namespace || change.namespace === undefined
    const name = `${displayName(change.type, change.name)}${inDatacenter ? '' : ` in namespace ${change.namespace}`}`
    const podOfChange = change.desired?.object.metadata.labels?.[POD_LABEL]
    const fault = change.live === undefined ? undefined : acceptance?.routes.get(change.name)
    if (fault !== undefined && change.type.kind === TLS_ROUTE.kind) {
      if (podOfChange === undefined) drift.shared.push(fault)
      else add(podOfChange, fault)
    }
    const paths = change.fields.map(({ path }) => path)
    if (change.action === 'unchanged' || changesOnlyRecord(change.action, paths)) continue
    if (change.action === 'pruned') {
      drift.vanished.push(name)
      continue
    }
    const what = difference(change, name)
    if (podOfChange !== undefined) add(podOfChange, what)
    else if (change.type.kind !== virtualService.kind || change.action === 'conflict' || change.live === undefined)
      drift.shared.push(what)
    else {
      const differing = differingNodes(change.desired?.object, change.live, pods)
      for (const each of differing) add(each, `route missing or different in ${name}`)
      if (differing.length === 0) drift.shared.push(what)
    }
  }
  // a Gateway that does not exist yet is a difference already
  if (drift.shared.length === 0) drift.shared.push(...(acceptance?.gateway ?? []))
  return drift
}

function difference(change: Change, name: string): string {
  if (change.action === 'created') return `${name} not found`
  if (change.action === 'conflict') return `${name}: ${change.reason ?? 'not managed by kubectl-cass-sni'}`
  const paths = change.fields.map(({ path }) => path)
  if (paths.length === 0) return `${name} has the desired values but unexpected field managers (${ourManagers(change)})`
  return `${name} differs in ${listed(paths)}`
}

/** Our field managers on the object: more or fewer than expected, e.g. that of version 0.1. */
function ourManagers({ live }: Change): string {
  const managers = (live?.metadata.managedFields ?? []).map(({ manager }) => manager ?? '')
  return [...new Set(managers.filter(isOwnManager))].join(', ') || 'none'
}

/** The nodes whose match in a live VirtualService differs from the desired one. `pods`: by destination. */
function differingNodes(
  desired: KubeObject | undefined,
  live: KubeObject,
  pods: ReadonlyMap<string, string>,
): string[] {
  const byHost = matchesByDestination(tlsMatches(live))
  return (desired === undefined ? [] : tlsMatches(desired)).flatMap(({ destinations: [host = ''], sniHosts }) => {
    const found = (byHost.get(host) ?? []).some(
      (match) => match.sniHosts.length === sniHosts.length && sniHosts.every((name) => match.sniHosts.includes(name)),
    )
    return found ? [] : (pods.get(host) ?? [])
  })
}
