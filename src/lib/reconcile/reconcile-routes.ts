/** Third step of a routes sync, after gather and planRoutes: applies a plan and waits until it is loaded. */
import { type ApplyContext, applyChanges, refuseUnwritable } from '../changes/apply.ts'
import { changesIn } from '../changes/change-plan.ts'
import { CassSniError } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import type { Plan } from '../routes/route-plan.ts'
import { awaitClusters, awaitLoaded, type Loaded } from './loaded-routes.ts'

export interface Outcome {
  /** The result for each object, including unchanged ones. Empty if no node is routable. */
  records: ChangeRecord[]
  /** Ready gateway pods, and those whose Envoy has loaded every route. Absent if nothing was written. */
  loaded?: Loaded | undefined
}

/**
 * Applies and prunes as planned, then waits until every Envoy of the gateway has loaded the routes. Does not prompt. A
 * plan without routable nodes changes nothing. Throws CSNI503 or CSNI504 for a conflict, before anything is written;
 * CSNI211 if a concurrent write overtook the plan, which must then be made again (`retryOvertaken`); CSNI507 if a
 * gateway does not load the routes in time.
 */
export async function reconcileRoutes(context: ApplyContext, plan: Plan): Promise<Outcome> {
  const records = await applyRoutes(context, plan)
  if (plan.nothing) return { records }
  return { records, loaded: context.dryRun ? undefined : await awaitLoaded(context, plan) }
}

/**
 * Applies and prunes, and returns the outcome for each object. If the API of the routes changes, the old routes are
 * removed after the gateway serves the new ones. Throws as `reconcileRoutes` does, CSNI507 only then.
 */
export async function applyRoutes(context: ApplyContext, plan: Plan): Promise<ChangeRecord[]> {
  if (plan.nothing) return []
  refuseConflicts(plan)
  const { changes, handover } = plan
  if (handover === undefined || context.dryRun) return applyChanges(context, changes)
  const { destinations, clusters, routes, then } = handover
  refuseUnwritable(changesIn(changes))
  const created = await applyChanges(context, destinations)
  if (destinations.stages.length > 0) await awaitClusters(context, plan.gateway, clusters)
  const written = await applyChanges(context, routes)
  await awaitLoaded(context, plan)
  return [...created, ...written, ...(await applyChanges(context, then))]
}

function refuseConflicts({ conflicts }: Plan): void {
  const [first] = conflicts
  if (first === undefined) return
  throw new CassSniError(first.code, conflicts.map((conflict) => conflict.message).join('; '), {
    object: first.object,
    next: conflicts.flatMap((conflict) => conflict.next),
  })
}
