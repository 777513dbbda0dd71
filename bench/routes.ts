/**
 * `routes sync` without changes next to `kubectl apply --server-side` of the same objects, and `verify` of healthy
 * nodes. Requires the lab's environment, and `prepareRoutes`.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ownedPart } from '../src/lib/changes/owned-part.ts'
import type { KubeObject } from '../src/lib/cluster/kube.ts'
import { medians, type Row } from './rounds.ts'

const run = promisify(execFile)
const LIMIT = 120_000
export const NAMESPACE = 'cass-operator'
const MANAGED = 'app.kubernetes.io/managed-by=kubectl-cass-sni'
const OWNED = 'services,gateways.networking.istio.io,virtualservices.networking.istio.io'
/** The lab may have a second one. */
export const GATEWAY = ['--gateway', 'istio-system/istio-ingressgateway']
const SYNC = ['routes', 'sync', '-n', NAMESPACE, '--yes', ...GATEWAY]

/** Syncs certificates and routes of the lab's datacenter, so that a further run changes nothing. */
export async function prepareRoutes(): Promise<void> {
  await run('kubectl', ['cass-sni', 'certs', '-n', NAMESPACE, '--yes'], { timeout: LIMIT })
  await run('kubectl', ['cass-sni', ...SYNC], { timeout: LIMIT })
}

/** Runs the comparison; every figure is a median. */
export async function benchRoutes(log: (line: string) => void = () => {}): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  try {
    const file = join(directory, 'objects.json')
    const objects = await ownObjects(file)
    log('routes sync without changes, next to kubectl apply')
    const apply = ['kubectl', 'apply', '--server-side', '--field-manager=kubectl-cass-sni', '-f', file]
    const [sync = 0, applied = 0] = await medians(11, ['kubectl', 'cass-sni', ...SYNC], apply)
    log('verify of healthy nodes')
    const [verify = 0] = await medians(7, ['kubectl', 'cass-sni', 'verify', '-n', NAMESPACE, ...GATEWAY])
    return [
      {
        name: 'routes sync, nothing to do, 3 nodes',
        value: sync,
        baseline: applied,
        baselineName: `kubectl apply --server-side of its ${objects} objects`,
        unit: 'ms',
        better: 'lower',
        goal: { of: 'ratio', limit: 1.3 },
      },
      {
        name: 'verify, 3 healthy nodes',
        value: verify / 1000,
        unit: 's',
        better: 'lower',
        goal: { of: 'value', limit: 1 },
      },
    ]
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Writes the managed objects as the program applies them, so that kubectl changes nothing. Returns their number. */
async function ownObjects(file: string): Promise<number> {
  const get = ['get', OWNED, '-n', NAMESPACE, '-l', MANAGED, '-o', 'json', '--show-managed-fields']
  const { stdout } = await run('kubectl', get, { maxBuffer: 1 << 26, timeout: LIMIT })
  const { items }: { items: KubeObject[] } = JSON.parse(stdout)
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: items.map((object) => ownedPart(object)) }),
  )
  return items.length
}
