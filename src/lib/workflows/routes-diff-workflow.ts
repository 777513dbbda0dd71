/** `routes diff`: the changes that `routes sync` would make. Writes nothing. */
import { type RoutesSyncOptions, type RoutesSyncResult, syncRoutes } from './routes-sync-workflow.ts'
import type { WorkflowContext } from './context.ts'

export interface RoutesDiffResult extends Omit<RoutesSyncResult, 'dryRun' | 'loaded'> {
  /** False if something differs. */
  ok: boolean
}

/** Emits a change for each object that differs. Throws as `syncRoutes` does, also for conflicts. */
export async function diffRoutes(context: WorkflowContext, options: RoutesSyncOptions): Promise<RoutesDiffResult> {
  const { dryRun: _, ...result } = await syncRoutes(
    {
      ...context,
      dryRun: true,
      ask: undefined,
      emit: (event) => {
        if (event.type !== 'change' || event.change.action !== 'unchanged') context.emit(event)
      },
    },
    options,
  )
  const { created, configured, pruned } = result.summary
  return { ...result, ok: created + configured + pruned === 0 }
}
