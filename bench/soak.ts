/**
 * 10,000 changes of watched objects on a kube-apiserver: how many the reflector has missed, and how far its memory has
 * grown. Requires no lab.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pLimit from 'p-limit'
import { startApiServer } from '../lab/apiserver.ts'
import { openKube } from '../lab/kube.ts'
import { connectKube } from '../src/lib/cluster/client.ts'
import type { KubeObject } from '../src/lib/cluster/kube.ts'
import { Reflector } from '../src/lib/cluster/reflector.ts'
import { CONFIG_MAP } from '../src/lib/cluster/resources.ts'
import type { Row } from './rounds.ts'

const EVENTS = 10_000
const OBJECTS = 50
const CONCURRENT = 16
/** After the last change, for its event. */
const SETTLED_MS = 5_000
const PATH = '/api/v1/namespaces/default/configmaps'

interface Counted extends KubeObject {
  data?: { count?: string }
}

export async function benchSoak(log: (line: string) => void = () => {}, events = EVENTS): Promise<Row[]> {
  log(`${events} changes`)
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-soak-'))
  const server = await startApiServer({ dir: directory })
  const client = await openKube(server.kubeconfig)
  const controller = new AbortController()
  try {
    const names = Array.from({ length: OBJECTS }, (_, index) => `soak-${index}`)
    for (const name of names)
      await client.send('POST', PATH, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { count: '0' } })
    const kube = await connectKube({ kubeconfig: server.kubeconfig, signal: controller.signal })
    const seen = new Set<string>()
    const reflector = new Reflector<Counted>(
      kube,
      CONFIG_MAP,
      { namespace: 'default' },
      {
        signal: controller.signal,
        onChange: (object) => seen.add(`${object?.metadata.name} ${object?.data?.count}`),
      },
    )
    const running = reflector.run()
    await reflector.objects()
    const heap = heapMegabytes()
    const limit = pLimit(CONCURRENT)
    // one after another for each object, so that every value is stored
    const change = async (name: string) => {
      for (let count = 1; count <= events / OBJECTS; count += 1)
        await limit(() => client.send('PATCH', `${PATH}/${name}`, { data: { count: String(count) } }))
    }
    await Promise.all(names.map(change))
    const wanted = names.flatMap((name) =>
      Array.from({ length: events / OBJECTS }, (_, index) => `${name} ${index + 1}`),
    )
    const missed = () => wanted.filter((each) => !seen.has(each)).length
    for (const end = performance.now() + SETTLED_MS; missed() > 0 && performance.now() < end; ) await pause(50)
    const lost = missed()
    seen.clear()
    wanted.length = 0
    const grown = heapMegabytes() - heap
    controller.abort()
    await running
    return [
      {
        name: `watch, ${events} changes, missed`,
        value: lost,
        unit: 'count',
        better: 'lower',
        goal: { of: 'value', limit: 0 },
      },
      {
        name: `watch, ${events} changes, growth of the heap`,
        value: Math.max(0, grown),
        unit: 'MB',
        better: 'lower',
        goal: { of: 'value', limit: 5 },
      },
    ]
  } finally {
    controller.abort()
    client.close()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** The heap in use after a garbage collection. */
function heapMegabytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed / 1_000_000
}
