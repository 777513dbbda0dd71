/** The log: one JSON object per line on stdout. */
import { escaped } from '../lib/text/json-text.ts'
import type { CassSniError } from '../lib/errors.ts'
import type { ChangeRecord } from '../lib/events.ts'
import type { DatacenterKey } from '../lib/reconcile/followed.ts'

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
