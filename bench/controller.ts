/**
 * A replica of the routes controller on a real kube-apiserver with etcd: its memory with 3 and with 5,000 nodes, and the
 * time that it needs after the API server was away for two minutes. Requires a build, but no lab.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { lastStage } from '../lab/build/containerfile.ts'
import type { KubeObject } from '../src/lib/cluster/kube.ts'
import { SERVICE } from '../src/lib/cluster/resources.ts'
import { createDatacenter, type TestDatacenter } from '../test/support/cluster-state.ts'
import { pathOf, startTestServer, type TestServer } from '../test/support/fixture-server.ts'
import { createMesh } from '../test/support/mesh-state.ts'
import { limitedServer } from './limited-server.ts'
import type { Row } from './rounds.ts'

const ROOT = join(import.meta.dirname, '..')
const PROGRAM = join(ROOT, 'dist/lib/controller/controller.cjs')
const LIMIT_MS = 600_000
const AWAY_MS = 120_000
/** Deleted Services, one after the other. */
const CHANGES = 20

/** Measures the bundle of the image. */
export async function benchController(
  log: (line: string) => void = () => {},
  [few, many]: readonly [number, number] = [3, 5000],
): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-controller-'))
  const server = limitedServer(await startTestServer(directory))
  try {
    await createMesh(server, { gateway: { pods: 0 } })
    const small = await measure(server, few, log, true)
    const large = await measure(server, many, log)
    return [
      memoryRow(few, small.megabytes, 120),
      memoryRow(many, large.megabytes, 250),
      {
        name: `routes controller, API server away for ${AWAY_MS / 1000} s, until a change is applied after its return`,
        value: small.backMs / 1000,
        unit: 's',
        better: 'lower',
        // the longest pause between two attempts to watch
        goal: { of: 'value', limit: 31 },
      },
    ]
  } finally {
    server.client.close()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

function memoryRow(nodes: number, megabytes: number, limit: number): Row {
  return {
    name: `routes controller, ${nodes.toLocaleString('en-US')} nodes, memory after ${CHANGES} changes`,
    value: megabytes,
    unit: 'MB',
    better: 'lower',
    goal: { of: 'value', limit },
  }
}

async function measure(
  server: TestServer,
  nodes: number,
  log: (line: string) => void,
  outage = false,
): Promise<{ megabytes: number; backMs: number }> {
  log(`${nodes} nodes`)
  const namespace = await server.namespace('controller')
  const rack = Math.ceil(nodes / 3)
  const racks = { r1: rack, r2: rack, r3: Math.max(1, nodes - 2 * rack) }
  const datacenter = await createDatacenter(server, { namespace, racks })
  // the options of Node.js in the image
  const { entrypoint } = lastStage(await readFile(join(ROOT, 'Containerfile'), 'utf8'))
  const controller = spawn(process.execPath, [...entrypoint.slice(1, -1), PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      KUBECONFIG: server.kubeconfig,
      POD_NAME: 'bench',
      POD_NAMESPACE: namespace,
      CASS_SNI_NAMESPACES: namespace,
      CASS_SNI_PORT: '0',
    },
  })
  const ended = once(controller, 'exit')
  try {
    const lines = createInterface({ input: controller.stdout })
    const [started] = (await once(lines, 'line')) as [string]
    const { port } = JSON.parse(started) as { port: number }
    lines.resume()
    await until(async () => (await metric(port, 'cass_sni_change_to_route_seconds_count')) > 0)
    for (let change = 0; change < CHANGES; change += 1) await restored(server, datacenter, change)
    let backMs = 0
    if (outage) {
      log(`API server away for ${AWAY_MS / 1000} s`)
      await server.restart(() => pause(AWAY_MS))
      const backAt = performance.now()
      await restored(server, datacenter, 0)
      backMs = performance.now() - backAt
    }
    return { megabytes: (await metric(port, 'process_resident_memory_bytes')) / 1e6, backMs }
  } finally {
    controller.kill('SIGTERM')
    await ended
  }
}

/** Deletes the Service of a node and waits for the new one. */
async function restored(server: TestServer, { namespace, nodes }: TestDatacenter, change: number): Promise<void> {
  const path = pathOf(SERVICE, namespace, `${nodes[change % nodes.length]?.pod}-cql`)
  const read = () => server.client.get<KubeObject>(path).catch(() => undefined)
  const before = await read()
  await server.client.send('DELETE', path, {})
  await until(async () => {
    const live = await read()
    return live !== undefined && live.metadata.uid !== before?.metadata.uid
  })
}

async function metric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0)
}

async function until(reached: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT_MS
  while (!(await reached())) {
    if (performance.now() > end) throw new Error(`not reached within ${LIMIT_MS / 1000} s`)
    await pause(50)
  }
}
