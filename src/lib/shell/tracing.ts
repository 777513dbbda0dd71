/** What Cassandra did for a statement: TRACING ON. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CqlSession } from '../connection/cql-session.ts'
import { visible } from './row-table.ts'

const TRIES = 10
const PAUSE_MS = 200

/** The events of a trace as text, once Cassandra has written them all; it does so after it has answered. */
export async function traceOf(session: CqlSession, traceId: string, signal: AbortSignal): Promise<string> {
  if (!/^[0-9a-f-]{36}$/.test(traceId)) return ''
  let took: unknown
  for (let tries = 0; tries < TRIES && (took === undefined || took === null); tries += 1) {
    if (tries > 0) await sleep(PAUSE_MS, undefined, { signal })
    const summary = await session.execute(`SELECT duration FROM system_traces.sessions WHERE session_id = ${traceId}`, {
      signal,
      consistency: 'ONE',
    })
    took = summary.rows[0]?.[0]
  }
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
