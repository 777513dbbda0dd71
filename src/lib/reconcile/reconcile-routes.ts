/** The third step of the routes, after gather and planRoutes: carries a plan out and sees it loaded. */
import { type ApplyContext, applyChanges } from '../changes/apply.ts'
import { CassSniError } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import type { Plan } from '../routes/route-plan.ts'
import { awaitLoaded, type Loaded } from './loaded-routes.ts'

export interface Outcome {
  /** What became of each object, unchanged ones among them. Empty when no node can be routed. */
  records: ChangeRecord[]
  /** Of the gateway's ready pods, those whose Envoy was asked and has every route. Absent when nothing was written. */
  loaded?: Loaded | undefined
}

/**
 * Applies and prunes what the plan says, then waits until every Envoy of the gateway has loaded it. Asks nobody. A plan
 * in which no node can be routed changes nothing. Throws CSNI503 or CSNI504 for a conflict, before anything is written;
 * CSNI211 when the plan was overtaken by another's write: then it has to be made again (`decideAgain`); CSNI507 when a
 * gateway has not loaded what was written.
 */
export async function reconcileRoutes(context: ApplyContext, plan: Plan): Promise<Outcome> {
  if (plan.nothing) return { records: [] }
  refuseConflicts(plan)
  const records = await applyChanges(context, plan.changes)
  return { records, loaded: context.dryRun ? undefined : await awaitLoaded(context, plan) }
}

function refuseConflicts({ conflicts }: Plan): void {
  const [first] = conflicts
  if (first === undefined) return
  throw new CassSniError(first.code, conflicts.map((conflict) => conflict.message).join('; '), {
    object: first.object,
    next: conflicts.flatMap((conflict) => conflict.next),
  })
}
