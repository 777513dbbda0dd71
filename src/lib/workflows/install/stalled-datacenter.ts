/** Why a datacenter makes no headway, where its pods and conditions do not say it: events, and the operator's log. */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { operatorComplaint } from '../../cassandra/operator-log.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER } from '../../cluster/resources.ts'
import { newestWarning, oneLine, type WarningEvent } from '../../cluster/workload-reasons.ts'

export interface Explanation {
  /** Lines beside those of the pods. */
  reasons: string[]
  /** The operator refuses the specification: no waiting changes that. */
  hopeless?: string | undefined
}

/** Warnings older than this explain nothing that happens now, in ms. */
const STALE_MS = 10 * 60_000

/**
 * Looks at the events of StatefulSets whose pods are missing (quota, admission) and of the CassandraDatacenter, when
 * something is missing or unready. `now` in ms since the epoch.
 */
export async function explain(kube: Kube, datacenter: Datacenter, now = Date.now()): Promise<Explanation> {
  const { namespace, name, uid, nodes } = datacenter
  const incomplete = [...new Set(nodes.filter((node) => node.podUid === '').map((node) => node.statefulSet))]
  const [live, ofDatacenter, ...ofSets] = await Promise.all([
    kube.get(CASSANDRA_DATACENTER, name, namespace),
    newestWarning(kube, { kind: CASSANDRA_DATACENTER.kind, name, namespace, uid }),
    ...incomplete.map((set) => newestWarning(kube, { kind: 'StatefulSet', name: set, namespace })),
  ])
  const sets = ofSets.flatMap((warning, index) =>
    warning === undefined || now - warning.seen > STALE_MS ? [] : [`${incomplete[index]}: ${oneLine(warning.message)}`],
  )
  const current = ofDatacenter !== undefined && ofDatacenter.seen >= specChanged(live) ? ofDatacenter : undefined
  if (current !== undefined && isRefusal(current)) return { reasons: sets, hopeless: current.message }
  const recent =
    current === undefined || now - current.seen > STALE_MS
      ? []
      : [`operator: ${current.reason}: ${oneLine(current.message)}`]
  const known = [...sets, ...recent]
  const isIncomplete = incomplete.length > 0 || nodes.length < datacenter.size
  const logged = known.length === 0 && isIncomplete ? await operatorComplaint(kube, datacenter) : undefined
  return { reasons: logged === undefined ? known : [`operator log: ${logged}`] }
}

/**
 * ValidationFailed and InvalidDatacenterSpec are the operator's own refusals; ReconcileFailed with the API server's "is
 * invalid" is one of an object that it makes of the specification (k8ssandra/cass-operator
 * internal/controllers/cassandra/cassandradatacenter_controller.go).
 */
function isRefusal({ reason, message }: WarningEvent): boolean {
  if (reason === 'ReconcileFailed') return /\bis invalid:|\bInvalid value:/.test(message)
  return reason === 'ValidationFailed' || reason === 'InvalidDatacenterSpec'
}

/** When anybody last wrote the specification, in ms since the epoch; events before that are about another one. */
function specChanged(datacenter: KubeObject | undefined): number {
  const times = (datacenter?.metadata.managedFields ?? []).flatMap((entry) => {
    const { time } = entry as { time?: string }
    return entry.subresource !== undefined || time === undefined ? [] : [Date.parse(time)]
  })
  return Math.max(0, ...times)
}
