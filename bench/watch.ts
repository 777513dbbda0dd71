/**
 * How fast `routes sync --watch` restores a route: from the deletion of its VirtualService in the API server to the new
 * one there. Requires the lab's environment, and `prepareRoutes`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { connectKube } from '../src/lib/cluster/client.ts'
import { VIRTUAL_SERVICE } from '../src/lib/cluster/resources.ts'
import { GATEWAY, NAMESPACE, prepareRoutes } from './routes.ts'
import { median, type Row } from './rounds.ts'

const NAME = 'cass-sni-dc1'
const WATCH = ['cass-sni', 'routes', 'sync', '--watch', '-o', 'json', '-n', NAMESPACE]
const ROUNDS = 15
const LIMIT_MS = 20_000
/** Between two reads of the VirtualService. */
const POLL_MS = 5

/** Measures in rounds; the figure is a median. Rejects if a route is not restored in time. */
export async function benchWatch(log: (line: string) => void = () => {}): Promise<Row[]> {
  await prepareRoutes()
  log('deleted routes')
  const watch = spawn('kubectl', [...WATCH, ...GATEWAY], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(watch, 'exit')
  try {
    const lines = createInterface({ input: watch.stdout })
    await Promise.race([once(lines, 'line'), ended.then(() => Promise.reject(new Error('routes sync --watch ended')))])
    lines.resume()
    const taken: number[] = []
    for (let round = 0; round < ROUNDS; round += 1) taken.push(await restored())
    return [
      {
        name: 'routes sync --watch, from a deleted VirtualService to the new one, 3 nodes',
        value: median(taken),
        unit: 'ms',
        better: 'lower',
        goal: { of: 'value', limit: 500 },
      },
    ]
  } finally {
    watch.kill('SIGINT')
    await ended
  }
}

/** Deletes the VirtualService and returns the milliseconds until there is another one. */
async function restored(): Promise<number> {
  const kube = await connectKube({ signal: AbortSignal.timeout(LIMIT_MS) })
  const read = () => kube.get(VIRTUAL_SERVICE, NAME, NAMESPACE)
  const before = await read()
  if (before === undefined) throw new Error(`no VirtualService ${NAME}`)
  await kube.delete(VIRTUAL_SERVICE, NAME, NAMESPACE)
  const deletedAt = performance.now()
  for (;;) {
    const live = await read()
    if (live !== undefined && live.metadata.uid !== before.metadata.uid) return performance.now() - deletedAt
    await pause(POLL_MS)
  }
}
