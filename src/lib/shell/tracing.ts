/** What Cassandra did for a statement: TRACING ON. */
import type { CqlSession } from '../connection/cql-session.ts'
import { poll } from '../waiting/poll.ts'
import { visible } from './row-table.ts'

const TIMEOUT_MS = 2_000
const PAUSE_MS = 200

/**
 * The events of a trace as text, once Cassandra has written them all; it does so after it has answered.
 * @param waitMs how long to wait for that
 */
export async function traceOf(
  session: CqlSession,
  traceId: string,
  signal: AbortSignal,
  waitMs: number = TIMEOUT_MS,
): Promise<string> {
  if (!/^[0-9a-f-]{36}$/.test(traceId)) return ''
  const took = await poll({
    signal,
    interval: PAUSE_MS,
    timeoutMs: waitMs,
    until: async () => {
      const query = `SELECT duration FROM system_traces.sessions WHERE session_id = ${traceId}`
      const summary = await session.execute(query, { signal, consistency: 'ONE' })
      return summary.rows[0]?.[0] ?? undefined
    },
  })
  const events = await session.execute(
    `SELECT activity, source, source_elapsed FROM system_traces.events WHERE session_id = ${traceId}`,
    {
      signal,
      consistency: 'ONE',
    },
  )
  const lines = events.rows.map(
    ([activity, source, elapsed]) =>
      `${visible(String(elapsed)).padStart(10)} us  ${visible(String(source)).padEnd(15)}  ` +
      `${visible(String(activity))}`,
  )
  const total = typeof took === 'number' ? `took ${took} us` : 'is not complete'
  return `Trace ${traceId} ${total}\n${lines.join('\n')}\n`
}
