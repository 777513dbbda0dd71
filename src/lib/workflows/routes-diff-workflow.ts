/** `routes diff`: the changes that `routes sync` would make. Writes nothing. */
import { changesOnlyRecord } from '../routes/confirmed-host-ids.ts'
import { type RoutesSyncOptions, type RoutesSyncResult, syncRoutes } from './routes-sync-workflow.ts'
import type { WorkflowContext } from './context.ts'

export interface RoutesDiffResult extends Omit<RoutesSyncResult, 'dryRun' | 'loaded'> {
  /** False if something differs. */
  ok: boolean
}

/**
 * Emits a change for each object that differs. A record of a confirmed host ID that `routes sync` would update is not a
 * difference. Throws as `syncRoutes` does, also for conflicts.
 */
export async function diffRoutes(context: WorkflowContext, options: RoutesSyncOptions): Promise<RoutesDiffResult> {
  let records = 0
  const { dryRun: _, ...result } = await syncRoutes(
    {
      ...context,
      dryRun: true,
      ask: undefined,
      emit: (event) => {
        if (event.type !== 'change') return context.emit(event)
        const { action, fields = [] } = event.change
        if (changesOnlyRecord(action, fields)) records++
        else if (action !== 'unchanged') context.emit(event)
      },
    },
    options,
  )
  const { created, pruned, unchanged } = result.summary
  const configured = result.summary.configured - records
  const summary = { ...result.summary, configured, unchanged: unchanged + records }
  return { ...result, summary, ok: created + configured + pruned === 0 }
}
