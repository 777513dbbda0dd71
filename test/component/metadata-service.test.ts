/** The metadata service: what `routes controller install` creates for it, and its process, against a real API server. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DEPLOYMENT,
  POD,
  POD_DISRUPTION_BUDGET,
  ROLE,
  ROLE_BINDING,
  SECRET,
  SERVICE,
  SERVICE_ACCOUNT,
  VIRTUAL_SERVICE,
} from '../../src/lib/cluster/resources.ts'
import type { ResourceType } from '../../src/lib/cluster/kube.ts'
import { KubeError } from '../../lab/kube.ts'
import { apiServer, pathOf, type Stored, type TestServer } from '../support/api-server.ts'
import { OUR_AGENT, writesBy } from '../support/audit.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { createMesh, removeRoutes, type TestMesh } from '../support/mesh-state.ts'
import { assertMatchesSchema } from '../support/schema.ts'

const NAME = 'cassandra.example.com'
const OBJECT = 'cass-sni-dc1-metadata'
const OTHER_ID = 'c8617bd4-af31-45c5-9d12-01c0247c7f8b'
const KINDS = [DEPLOYMENT, POD_DISRUPTION_BUDGET, ROLE_BINDING, ROLE, SERVICE_ACCOUNT, SECRET, SERVICE]

describe('the metadata service', function () {
  this.timeout(120_000)
  let server: TestServer
  let mesh: TestMesh
  let dc: TestDatacenter
  let own: string
  let nth = 0

  before(async () => {
    server = await apiServer()
  })
  beforeEach(async () => {
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    dc = await createDatacenter(server, { namespace: await server.namespace('cass') })
    own = `metadata-of-${++nth}`
  })
  afterEach(async () => {
    await controller('uninstall', '--yes')
    await Promise.all([mesh.remove(), dc.remove()])
    await removeRoutes(server)
  })

  const run = (...words: string[]) => runCommand([...words, '--kubeconfig', server.kubeconfig])
  const controller = (verb: string, ...words: string[]) =>
    run('routes', 'controller', verb, ...words, '--controller-namespace', own)
  const find = async (type: ResourceType): Promise<Stored | undefined> => {
    const { items } = await server.client.get<{ items: Stored[] }>(pathOf(type, dc.namespace))
    return items.find(({ metadata }) => metadata.name === OBJECT)
  }
  const present = async () => {
    const found = await Promise.all(KINDS.map(async (type) => ((await find(type)) === undefined ? [] : [type.kind])))
    return found.flat()
  }
  /** Reports every Deployment as ready, as the controllers of Kubernetes would. */
  const readiness = () => {
    const end = new AbortController()
    const done = (async () => {
      while (!end.signal.aborted) {
        const { items } = await server.client.get<{ items: Stored[] }>(pathOf(DEPLOYMENT))
        const ours = items.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/instance'] === own)
        for (const { metadata } of ours) {
          const counts = { replicas: 2, readyReplicas: 2, updatedReplicas: 2, observedGeneration: 99 }
          await server.status(DEPLOYMENT, metadata.name, metadata.namespace ?? '', counts).catch((error: unknown) => {
            // removed since it was listed
            if (!(error instanceof KubeError) || error.status !== 404) throw error
          })
        }
        await sleep(50)
      }
    })()
    return async () => {
      end.abort()
      await done
    }
  }
  const install = async (...words: string[]) => {
    const stop = readiness()
    try {
      return await controller('install', '-n', dc.namespace, '--image', 'lab/controller:1', '--yes', ...words)
    } finally {
      await stop()
    }
  }
  const servedNames = async () => {
    const { items } = await server.client.get<{ items: Stored[] }>(pathOf(VIRTUAL_SERVICE, dc.namespace))
    return items.flatMap(({ spec }) => (spec as { hosts: string[] }).hosts)
  }

  it('is installed with certificate and route, once, and removed without a trace', async () => {
    const first = await install('--metadata-name', NAME, '-o', 'json')
    equal(first.exitCode, 0, first.stderr)
    assertMatchesSchema('RoutesControllerInstall', first.json())
    deepEqual(first.json().result.metadata, [{ namespace: dc.namespace, datacenter: 'dc1', name: NAME }])
    match(
      first.stderr + JSON.stringify(first.json()),
      /lacks cassandra\.example\.com, which drivers with a bundle verify/,
    )
    deepEqual(
      await present(),
      KINDS.map(({ kind }) => kind),
    )
    ok((await servedNames()).includes(NAME))
    const secret = (await find(SECRET)) as unknown as { data: Record<string, string> }
    const leaf = new X509Certificate(Buffer.from(secret.data['tls.crt'] ?? '', 'base64'))
    equal(leaf.subjectAltName, `DNS:${NAME}`)
    deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'it authenticates no client')
    ok(leaf.verify(new X509Certificate(dc.caPem).publicKey))
    const { rules } = (await find(ROLE)) as unknown as { rules: { resources: string[]; verbs: string[] }[] }
    deepEqual(rules.flatMap(({ resources }) => resources).sort(), ['cassandradatacenters', 'pods', 'services'])
    deepEqual([...new Set(rules.flatMap(({ verbs }) => verbs))], ['get', 'list', 'watch'])

    const since = Date.now()
    const again = await install()
    equal(again.exitCode, 0, again.stderr)
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    const status = await controller('status', '-o', 'json')
    assertMatchesSchema('RoutesControllerStatus', status.json())
    deepEqual(status.json().result.metadata, [
      { namespace: dc.namespace, datacenter: 'dc1', name: NAME, wanted: 2, ready: 2 },
    ])
    const listed = await run('routes', 'list', '-n', dc.namespace)
    match(listed.stdout, /Metadata service: cassandra\.example\.com/)

    const removed = await install('--metadata-name', '', '-o', 'json')
    equal(removed.exitCode, 0, removed.stderr)
    deepEqual([removed.json().result.metadata, await present()], [[], []])
    ok(!(await servedNames()).includes(NAME))
  })

  it('is removed with its controller', async () => {
    const { exitCode, stderr } = await install('--metadata-name', `dc1=${NAME}`)
    equal(exitCode, 0, stderr)
    equal((await controller('uninstall', '--yes')).exitCode, 0)
    deepEqual(await present(), [])
    ok(!(await servedNames()).includes(NAME))
  })

  it('is removed by uninstall of its namespace', async () => {
    equal((await install('--metadata-name', NAME)).exitCode, 0)
    await server.remove(DEPLOYMENT, 'cass-sni-controller', own)
    const gone = await run('uninstall', '-n', dc.namespace, '--yes')
    equal(gone.exitCode, 0, gone.stderr)
    deepEqual(await present(), [])
  })

  it('is refused before the first write if its name reaches nodes, or fits several datacenters', async () => {
    const synced = await run('routes', 'sync', '-n', dc.namespace, '--any-node', NAME)
    equal(synced.exitCode, 0, synced.stderr)
    const other = await createDatacenter(server, { namespace: dc.namespace, name: 'dc2', clusterName: 'other' })
    const since = Date.now()
    const cases: [string, string, RegExp][] = [
      [`dc1=${NAME}`, 'CSNI101', /it reaches any node \(--any-node\)/],
      [NAME, 'CSNI105', /more than one CassandraDatacenter/],
      [`dc3=${NAME}`, 'CSNI301', /cassandradatacenter\/dc3 not found/],
      ['dc1=*.example.com', 'CSNI101', /wildcards are not supported/],
    ]
    for (const [text, code, message] of cases) {
      const { stderr } = await install('--metadata-name', text)
      ok(stderr.includes(code), `${text}: ${stderr}`)
      match(stderr.replace(/\s+/g, ' '), message, text)
    }
    deepEqual(await writesBy(server.auditLog, OUR_AGENT, since), [])
    await other.remove()
  })

  it('has its certificate renewed by certs', async () => {
    equal((await install('--metadata-name', NAME)).exitCode, 0)
    const certificate = async () =>
      ((await find(SECRET)) as unknown as { data: Record<string, string> } | undefined)?.data['tls.crt']
    const before = await certificate()
    const kept = await run('certs', '-n', dc.namespace, '-o', 'json')
    deepEqual([kept.json().result.metadata?.issued, await certificate()], [false, before])
    await server.client.send('PATCH', pathOf(SECRET, dc.namespace, OBJECT), { data: { 'tls.key': '' } })
    const renewed = await run('certs', '-n', dc.namespace, '-o', 'json')
    assertMatchesSchema('Certs', renewed.json())
    deepEqual(renewed.json().result.metadata?.reasonCodes, ['NoCertificate'])
    ok((await certificate()) !== before)
  })

  it('answers with the host IDs of the moment within a second', async () => {
    await install('--metadata-name', NAME)
    const { data } = (await find(SECRET)) as unknown as { data: Record<string, string> }
    const directory = await mkdtemp(join(tmpdir(), 'cass-sni-metadata-'))
    for (const file of ['tls.crt', 'tls.key'])
      await writeFile(join(directory, file), Buffer.from(data[file] ?? '', 'base64'))
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/controller/controller-main.ts')], {
      env: {
        PATH: process.env['PATH'],
        KUBECONFIG: server.kubeconfig,
        POD_NAME: 'metadata-0',
        POD_NAMESPACE: dc.namespace,
        CASS_SNI_TASK: 'metadata',
        CASS_SNI_DATACENTER: 'dc1',
        CASS_SNI_METADATA_NAME: NAME,
        CASS_SNI_METADATA_CERTIFICATE: directory,
        CASS_SNI_METADATA_PORT: '0',
        CASS_SNI_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const { port, probePort } = await started(child)
      const document = () => fetchMetadata(port, dc.caPem)
      const contactPoints = async () => (await document())?.contact_info.contact_points.toSorted()
      const ids = () => dc.nodes.map(({ hostId }) => hostId).toSorted()
      await until(async () => (await fetch(`http://127.0.0.1:${probePort}/readyz`)).status === 200, 10_000)
      deepEqual(await contactPoints(), ids())
      deepEqual((await document())?.contact_info.sni_proxy_address, `${NAME}:${port}`)
      const { pod = '', hostId: before = '' } = dc.nodes[0] ?? {}
      const { hostId } = await dc.replaceNode(pod)
      ok(await until(async () => (await contactPoints())?.includes(hostId ?? ''), 1_000))
      ok(!(await contactPoints())?.includes(before))
      // the status keeps the host ID of a former pod; the routes controller has confirmed another one
      const [, , last] = dc.nodes
      const { metadata } = await server.client.get<Stored>(pathOf(POD, dc.namespace, last?.pod))
      const confirmed = { 'cass-sni/confirmed': `${metadata.uid}/${OTHER_ID}` }
      await server.client.send('PATCH', pathOf(SERVICE, dc.namespace, `${last?.pod}-cql`), {
        metadata: { annotations: confirmed },
      })
      ok(await until(async () => (await contactPoints())?.includes(OTHER_ID), 1_000))
      ok(!(await contactPoints())?.includes(last?.hostId ?? ''))
      const metrics = await (await fetch(`http://127.0.0.1:${probePort}/metrics`)).text()
      match(metrics, /^cass_sni_metadata_contact_points 3$/m)
      match(metrics, /^cass_sni_metadata_responses_total\{status="200"\} \d+$/m)
    } finally {
      child.kill('SIGTERM')
      const [code] = (await once(child, 'close')) as [number | null]
      equal(code, 0)
      await rm(directory, { recursive: true })
    }
  })
})

interface Document {
  contact_info: { contact_points: string[]; sni_proxy_address: string }
}

async function started(child: ChildProcess): Promise<{ port: number; probePort: number }> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const entry = JSON.parse(line) as { message: string; port: number; probePort: number }
    if (entry.message === 'started') {
      child.stdout?.resume()
      return entry
    }
  }
  throw new Error('the metadata service has not started')
}

function fetchMetadata(port: number, ca: string): Promise<Document | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { host: `${NAME}:${port}` }
    const options = { host: '127.0.0.1', port, path: '/metadata', servername: NAME, ca, headers, agent: false }
    const sent = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve(response.statusCode === 200 ? (JSON.parse(text) as Document) : undefined))
    })
    sent.on('error', reject).end()
  })
}

async function until(test: () => Promise<boolean | undefined>, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await sleep(20)) if (await test()) return true
  return false
}
