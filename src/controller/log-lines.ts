/** The log: one JSON object per line on stdout. */
import { escaped } from '../lib/text/json-text.ts'
import type { CassSniError } from '../lib/errors.ts'
import type { ChangeRecord } from '../lib/events.ts'
import type { DatacenterKey, FollowedEvent } from '../lib/reconcile/followed.ts'

export type Level = 'info' | 'warning' | 'error'

export interface LogFields {
  datacenter?: DatacenterKey | undefined
  error?: CassSniError | undefined
  changes?: readonly ChangeRecord[] | undefined
  nodes?:
    | readonly { pod: string; state: string; hostId?: string | undefined; reason?: string | undefined }[]
    | undefined
  [name: string]: unknown
}

export type Log = (level: Level, message: string, fields?: LogFields) => void

/** Logs that a loop fails, works again, or cannot record its state. Other events are not logged. */
export function logState(log: Log, event: FollowedEvent, datacenter?: DatacenterKey): void {
  if (event.type === 'recovered') log('info', 'in sync again', { datacenter })
  if (event.type === 'failing') log('warning', 'failing, retrying', { datacenter, error: event.error })
  if (event.type === 'unrecorded')
    log('warning', 'cannot record the state in the cluster', { datacenter, error: event.error })
}

/** Returns a line of the log. Never contains the value of a field: those of Secrets must not be logged. */
export function logLine(level: Level, message: string, fields: LogFields, time: Date): string {
  const { datacenter, error, changes, nodes, ...rest } = fields
  const line = {
    time: time.toISOString(),
    level,
    message,
    namespace: datacenter?.namespace,
    datacenter: datacenter?.name,
    ...rest,
    code: error?.code,
    error: error?.message,
    changes: changes?.map(({ action, object, namespace, fields: paths }) => ({
      action,
      object,
      namespace,
      fields: paths,
    })),
    nodes: nodes?.map(({ pod, state, hostId, reason }) => ({ pod, state, hostId, reason })),
  }
  return escaped(JSON.stringify(line))
}
