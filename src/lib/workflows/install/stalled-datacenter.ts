/** Why a datacenter makes no progress: events and cass-operator's log, where pods and conditions do not show it. */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { newestOperatorError } from '../../cassandra/operator-log.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER } from '../../cluster/resources.ts'
import { newestWarning, oneLine, type WarningEvent } from '../../cluster/workload-reasons.ts'

export interface Explanation {
  /** Lines in addition to those of the pods. */
  reasons: string[]
  /** Set if cass-operator refuses the spec; waiting would not help. */
  refusal?: string | undefined
}

/** Age in ms after which a warning no longer explains the current state. */
const STALE_MS = 10 * 60_000

/**
 * Reads the events of the CassandraDatacenter and of StatefulSets whose pods are missing (quota, admission), then
 * cass-operator's log. `now` in ms since the epoch.
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
  if (current !== undefined && isRefusal(current)) return { reasons: sets, refusal: current.message }
  const recent =
    current === undefined || now - current.seen > STALE_MS
      ? []
      : [`cass-operator: ${current.reason} (${oneLine(current.message)})`]
  const known = [...sets, ...recent]
  const isIncomplete = incomplete.length > 0 || nodes.length < datacenter.size
  const logged = known.length === 0 && isIncomplete ? await newestOperatorError(kube, datacenter) : undefined
  return { reasons: logged === undefined ? known : [`cass-operator log: ${logged}`] }
}

/**
 * Returns whether the event means that the spec was refused: by cass-operator (ValidationFailed,
 * InvalidDatacenterSpec), or by the API server for an object derived from it (ReconcileFailed) (k8ssandra/cass-operator
 * internal/controllers/cassandra/cassandradatacenter_controller.go).
 */
function isRefusal({ reason, message }: WarningEvent): boolean {
  if (reason === 'ReconcileFailed') return /\bis invalid:|\bInvalid value:/.test(message)
  return reason === 'ValidationFailed' || reason === 'InvalidDatacenterSpec'
}

/** Returns when the spec was last written, in ms since the epoch; earlier events refer to an older spec. */
function specChanged(datacenter: KubeObject | undefined): number {
  const times = (datacenter?.metadata.managedFields ?? []).flatMap((entry) => {
    const { time } = entry as { time?: string }
    return entry.subresource !== undefined || time === undefined ? [] : [Date.parse(time)]
  })
  return Math.max(0, ...times)
}
