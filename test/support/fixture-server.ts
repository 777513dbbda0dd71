/**
 * A real kube-apiserver with the real CRDs of Istio and cass-operator.
 * Nobody runs controllers or nodes there: what a test needs of them it writes itself (cluster-state.ts, mesh-state.ts).
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import { type ApiServer, startApiServer } from '../../lab/apiserver.ts'
import { ensureFixtures } from '../../lab/build/fixtures.ts'
import { KubeError, type KubeClient, openKube } from '../../lab/kube.ts'
import type { ResourceType } from '../../src/lib/cluster/kube.ts'
import { apiVersionOf } from '../../src/lib/cluster/resources.ts'

/** The User-Agent of what fixtures write, so that the audit log tells them from the program. */
const FIXTURE_AGENT = 'cass-sni-fixtures'

export interface Manifest {
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; [field: string]: unknown }
  status?: object
  [field: string]: unknown
}

export interface TestServer extends ApiServer {
  /** As user `admin` of system:masters, with the fixtures' User-Agent. */
  client: KubeClient
  /** Creates an object and, when it has one, its status. Returns what the server made of it. */
  create(type: ResourceType, object: Manifest): Promise<Stored>
  /** Merge-patches the status of an object. */
  status(type: ResourceType, name: string, namespace: string | undefined, status: object): Promise<void>
  /** Deletes an object at once; one that is gone already is fine. */
  remove(type: ResourceType, name: string, namespace?: string): Promise<void>
  /** A new namespace with a name that no other test has; it begins with `prefix`. */
  namespace(prefix?: string, labels?: Record<string, string>): Promise<string>
}

export interface Stored extends Manifest {
  metadata: Manifest['metadata'] & { uid: string; resourceVersion: string }
}

let namespaces = 0

/** The collection's path, or the object's. */
export function pathOf(type: ResourceType, namespace?: string, name?: string): string {
  const parts = [type.group === '' ? '/api' : '/apis', apiVersionOf(type)]
  if (type.namespaced && namespace !== undefined) parts.push('namespaces', namespace)
  return [...parts, type.plural, ...(name === undefined ? [] : [name])].join('/')
}

/** Starts an API server with the definitions; keys, data and logs are in `directory`. */
export async function startTestServer(directory: string): Promise<TestServer> {
  const server = await startApiServer({ dir: directory })
  const client = await openKube(server.kubeconfig, FIXTURE_AGENT)
  await Promise.all((await definitions()).map((definition) => establish(client, definition)))
  const test: TestServer = {
    ...server,
    client,
    async create(type, object) {
      const body = { apiVersion: apiVersionOf(type), kind: type.kind, ...object }
      const stored = (await client.send('POST', pathOf(type, object.metadata.namespace), body)) as Stored
      if (object.status !== undefined)
        await test.status(type, object.metadata.name, object.metadata.namespace, object.status)
      return stored
    },
    async status(type, name, namespace, status) {
      await client.send('PATCH', `${pathOf(type, namespace, name)}/status`, { status })
    },
    async remove(type, name, namespace) {
      try {
        await client.send('DELETE', pathOf(type, namespace, name), {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          gracePeriodSeconds: 0,
        })
      } catch (error) {
        if (!(error instanceof KubeError) || error.status !== 404) throw error
      }
    },
    async namespace(prefix = 'test', labels = {}) {
      const name = `${prefix}-${++namespaces}`
      await client.send('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels },
      })
      return name
    },
  }
  return test
}

interface Definition {
  metadata: { name: string }
  spec: { group: string; names: { plural: string }; versions: { name: string; served: boolean }[] }
}

/** Adds the definitions of a component of the lab that not every test has. */
export async function addDefinitions({ client }: TestServer, component: 'cert-manager'): Promise<void> {
  const definitions = await definitionsIn(join(await ensureFixtures(), component))
  await Promise.all(definitions.map((definition) => establish(client, definition)))
}

async function definitionsIn(folder: string): Promise<Definition[]> {
  const found: Definition[] = []
  for (const file of await readdir(folder)) {
    for (const document of parseAllDocuments(await readFile(join(folder, file), 'utf8'))) {
      const object = document.toJS() as (Definition & { kind?: string }) | null
      if (object?.kind === 'CustomResourceDefinition') found.push(object)
    }
  }
  return found
}

async function definitions(): Promise<Definition[]> {
  const fixtures = await ensureFixtures()
  const found = await definitionsIn(join(fixtures, 'crds'))
  const datacenters = found.find((one) => one.metadata.name === 'cassandradatacenters.cassandra.datastax.com')
  // cass-operator's kustomization changes what its generator made: the schema of spec.config is taken out, for one
  const patches = join(fixtures, 'operator/config/crd/patches')
  for (const file of await readdir(patches)) patch(datacenters, parse(await readFile(join(patches, file), 'utf8')))
  return found
}

/** JSON patch (RFC 6902), as far as those files use it. */
function patch(object: unknown, operations: { op: string; path: string; value?: unknown }[]): void {
  for (const { op, path, value } of operations) {
    const steps = path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = steps.pop() ?? ''
    const parent = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], object) as Record<
      string,
      unknown
    >
    if (op === 'remove') delete parent[last]
    else if (op === 'add' || op === 'replace') parent[last] = value
    else throw new Error(`a patch of cass-operator has the operation ${op}`)
  }
}

/** Creates a definition and waits until objects of its kind can be listed. */
async function establish(client: KubeClient, definition: Definition): Promise<void> {
  await client.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  const { group, names, versions } = definition.spec
  const version = versions.find((one) => one.served)?.name ?? ''
  for (let left = 200; ; left--) {
    try {
      await client.get(`/apis/${group}/${version}/${names.plural}?limit=1`)
      // discovery is a little behind
      const { resources } = await client.get<{ resources: { name: string }[] }>(`/apis/${group}/${version}`)
      if (resources.some((one) => one.name === names.plural)) return
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
    }
    if (left === 0) throw new Error(`${names.plural}.${group} is not served`)
    await new Promise((wake) => setTimeout(wake, 50))
  }
}
