/**
 * Datacenters of 1,000 and 5,000 nodes on a real kube-apiserver with etcd: time and memory of `routes sync`, next to
 * `kubectl apply --server-side` of the same objects and to the server's own limit, which is what a bare client with as
 * many connections reaches that only writes these objects. Requires no lab.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensurePrograms } from '../lab/build/programs.ts'
import { ownedPart } from '../src/lib/changes/owned-part.ts'
import type { KubeObject } from '../src/lib/cluster/kube.ts'
import {
  CASSANDRA_DATACENTER,
  DESTINATION_RULE,
  ISTIO_GATEWAY,
  SERVICE,
  VIRTUAL_SERVICE,
} from '../src/lib/cluster/resources.ts'
import { createDatacenter, type TestDatacenter } from '../test/support/cluster-state.ts'
import { pathOf, startTestServer, type TestServer } from '../test/support/fixture-server.ts'
import { createMesh } from '../test/support/mesh-state.ts'
import { limitedServer } from './limited-server.ts'
import { type Cost, costs } from './memory.ts'
import { median, type Row } from './rounds.ts'

/** As many as the program uses for writes (src/lib/changes/apply.ts). */
const CONNECTIONS = 8
const ROUNDS = 3
const MANAGED = 'labelSelector=app.kubernetes.io/managed-by=kubectl-cass-sni'
const KINDS = [VIRTUAL_SERVICE, ISTIO_GATEWAY, DESTINATION_RULE, SERVICE]

interface Bench {
  server: TestServer
  kubectl: string
  /** A directory for files. */
  directory: string
  log: (line: string) => void
}

/** Measures in rounds in which the programs run in turn; every figure is a median. */
export async function benchScale(
  log: (line: string) => void = () => {},
  [few, many]: readonly [number, number] = [1000, 5000],
): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-scale-'))
  const { kubectl = '' } = await ensurePrograms(['kubectl'])
  const server = limitedServer(await startTestServer(directory))
  try {
    await createMesh(server, { gateway: { pods: 0 } })
    const bench = { server, kubectl, directory, log }
    const small = await measure(bench, few, ROUNDS)
    const large = await measure(bench, many, 1)
    return [...rowsOf(small), ...rowsOf(large), ...linear(small, large)]
  } finally {
    server.client.close()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

interface Measured {
  nodes: number
  /** `routes sync` without routes, with nothing to do, and after one host ID has changed. */
  first: Cost
  idle: Cost
  one: Cost
  /** The first sync with `--backend subset`. */
  subset: Cost
  /** `kubectl apply --server-side` without routes, and with nothing to do, in ms. */
  kubectl: number
  kubectlIdle: number
  /** The server's own limit in ms. */
  bare: number
}

async function measure({ server, kubectl, directory, log }: Bench, nodes: number, rounds: number): Promise<Measured> {
  log(`${nodes} nodes`)
  const namespace = await server.namespace('scale')
  const rack = Math.floor(nodes / 3)
  const datacenter = await createDatacenter(server, { namespace, racks: { r1: rack, r2: rack, r3: nodes - 2 * rack } })
  const flags = ['--kubeconfig', server.kubeconfig, '-n', namespace]
  const sync = [process.execPath, join(import.meta.dirname, '../bin/run.js'), 'routes', 'sync', '--yes', ...flags]
  const file = join(directory, `${namespace}.json`)
  const apply = [kubectl, ...flags, 'apply', '--server-side', '--field-manager=kubectl-cass-sni', '-f', file]
  const first: Cost[] = []
  const kubectlFirst: number[] = []
  const bare: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    log(`first sync, round ${round + 1} of ${rounds}`)
    first.push(...(await costs(1, sync)))
    const objects = await ownObjects(server, namespace)
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
    await removeRoutes(server, namespace)
    bare.push(await writeBare(server, objects))
    await removeRoutes(server, namespace)
    kubectlFirst.push(...(await costs(1, apply)).map(({ ms }) => ms))
    await removeRoutes(server, namespace)
  }
  log('nothing to do')
  await costs(1, sync)
  const [idle, kubectlIdle] = await costs(rounds + 2, sync, apply)
  log('one host ID changed')
  const one: Cost[] = []
  for (let round = 0; round < rounds + 2; round += 1) {
    await changeHostId(server, datacenter, round)
    one.push(...(await costs(1, sync)))
  }
  const subset: Cost[] = []
  for (let round = 0; round < rounds; round += 1) {
    log(`first sync with --backend subset, round ${round + 1} of ${rounds}`)
    await removeRoutes(server, namespace)
    subset.push(...(await costs(1, [...sync, '--backend', 'subset'])))
  }
  await removeRoutes(server, namespace)
  const result = {
    nodes,
    first: middle(first),
    idle: idle as Cost,
    one: middle(one),
    subset: middle(subset),
    kubectl: median(kubectlFirst),
    kubectlIdle: kubectlIdle?.ms ?? Number.NaN,
    bare: median(bare),
  }
  return result
}

function rowsOf({ nodes, first, idle, one, subset, kubectl, kubectlIdle, bare }: Measured): Row[] {
  const many = `${nodes.toLocaleString('en-US')} nodes`
  const goals = nodes === 1000
  const seconds = (name: string, { ms }: Cost, more: Partial<Row> = {}): Row => ({
    name: `routes sync, ${name}, ${many}`,
    value: ms / 1000,
    unit: 's',
    better: 'lower',
    ...more,
  })
  return [
    seconds('first', first, {
      baseline: bare / 1000,
      baselineName: `a bare client with ${CONNECTIONS} connections`,
      goal: { of: 'ratio', limit: 1.05 },
    }),
    seconds('first', first, { baseline: kubectl / 1000, baselineName: 'kubectl apply --server-side' }),
    seconds('nothing to do', idle, {
      baseline: kubectlIdle / 1000,
      baselineName: 'kubectl apply --server-side',
      goal: goals ? { of: 'value', limit: 0.5 } : undefined,
    }),
    seconds('first, --backend subset', subset, { goal: goals ? { of: 'value', limit: 2 } : undefined }),
    seconds('one host ID changed', one, { goal: goals ? { of: 'value', limit: 0.6 } : undefined }),
    {
      name: `routes sync, ${many}, peak memory`,
      value: Math.max(first.megabytes, idle.megabytes, one.megabytes),
      unit: 'MB',
      better: 'lower',
      goal: { of: 'value', limit: 200 },
    },
  ]
}

/** Five times as many nodes in five times the time, at most: a fixed part, such as the start, makes it less. */
function linear(small: Measured, large: Measured): Row[] {
  const times = large.nodes / small.nodes
  return (['first', 'idle'] as const).map((which) => ({
    name: `routes sync, ${which === 'first' ? 'first' : 'nothing to do'}, ${times} times as many nodes`,
    value: large[which].ms / 1000,
    baseline: (times * small[which].ms) / 1000,
    baselineName: `${times} times the time for ${small.nodes.toLocaleString('en-US')}`,
    unit: 's',
    better: 'lower',
    goal: { of: 'ratio', limit: 1.05 },
  }))
}

function middle(all: readonly Cost[]): Cost {
  return { ms: median(all.map(({ ms }) => ms)), megabytes: median(all.map(({ megabytes }) => megabytes)) }
}

/** The route objects as they were applied, without the port of the gateway's Service. */
async function ownObjects({ client }: TestServer, namespace: string): Promise<KubeObject[]> {
  const lists = await Promise.all(
    KINDS.map(async (type) => {
      const { items, apiVersion } = await client.get<{ items: KubeObject[]; apiVersion: string }>(
        `${pathOf(type, namespace)}?${MANAGED}`,
      )
      return items.map((item) => ownedPart({ ...item, apiVersion, kind: type.kind }))
    }),
  )
  return lists.flat().reverse()
}

async function removeRoutes({ client }: TestServer, namespace: string): Promise<void> {
  await Promise.all(
    KINDS.map(async (type) => {
      const { items } = await client.get<{ items: KubeObject[] }>(`${pathOf(type, namespace)}?${MANAGED}`)
      const paths = items.map(({ metadata }) => pathOf(type, namespace, metadata.name))
      await Promise.all(paths.map((path) => client.send('DELETE', path, {})))
    }),
  )
}

/** Applies the objects with plain HTTP requests, and returns the milliseconds. */
async function writeBare({ kubeconfig, url }: TestServer, objects: readonly KubeObject[]): Promise<number> {
  const text = await readFile(kubeconfig, 'utf8')
  const data = (name: string) => Buffer.from(new RegExp(`^ +${name}: (.*)$`, 'm').exec(text)?.[1] ?? '', 'base64')
  const agent = new Agent({
    ca: data('certificate-authority-data'),
    cert: data('client-certificate-data'),
    key: data('client-key-data'),
    keepAlive: true,
    maxSockets: CONNECTIONS,
  })
  const types = new Map(KINDS.map((type) => [type.kind, type]))
  const write = (object: KubeObject) =>
    new Promise<void>((resolve, reject) => {
      const type = types.get(object.kind) ?? SERVICE
      const path = pathOf(type, object.metadata.namespace, object.metadata.name)
      const body = JSON.stringify(object)
      const sent = request(
        `${url}${path}?fieldManager=kubectl-cass-sni&fieldValidation=Strict`,
        {
          method: 'PATCH',
          agent,
          headers: { 'content-type': 'application/apply-patch+yaml', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          response.resume().on('end', resolve)
          if ((response.statusCode ?? 500) >= 400) reject(new Error(`${path}: ${response.statusCode}`))
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  const started = performance.now()
  await Promise.all(objects.map(write))
  const taken = performance.now() - started
  agent.destroy()
  return taken
}

/** A node has another host ID, as after its replacement. */
async function changeHostId(
  server: TestServer,
  { namespace, name, nodes }: TestDatacenter,
  nth: number,
): Promise<void> {
  const node = nodes[nth]
  const hostID = `00000000-0000-4000-8000-${String(nth).padStart(12, '0')}`
  const nodeStatuses = { [node?.pod ?? '']: { hostID } }
  await server.status(CASSANDRA_DATACENTER, name, namespace, { nodeStatuses })
}
