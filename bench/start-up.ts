/**
 * How long a command takes from Enter to its end: help beside an empty node, and `routes sync` with nothing to do beside
 * `kubectl apply --server-side` of the same objects. Needs the lab's environment and a datacenter with its routes.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ownedPart } from '../src/lib/changes/owned-part.ts'
import type { KubeObject } from '../src/lib/cluster/kube.ts'
import { medians, type Row, row } from './rounds.ts'

const run = promisify(execFile)
const NAMESPACE = 'cass-operator'
const OURS = 'app.kubernetes.io/managed-by=kubectl-cass-sni'
const OWNED = 'services,gateways.networking.istio.io,virtualservices.networking.istio.io'

/** Runs the comparison; every figure is a median, in milliseconds. */
export async function benchStartUp(log: (line: string) => void = () => {}): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cass-sni-bench-'))
  try {
    log('help beside an empty node')
    const empty = [process.execPath, '-e', '0']
    // kubectl's own start is in both of these: a plugin in Node that does nothing at all.
    await writeFile(join(folder, 'kubectl-empty'), '#!/usr/bin/env node\n', { mode: 0o755 })
    process.env.PATH = `${process.env.PATH}:${folder}`
    const [help = 0, nothing = 0, direct = 0, node = 0] = await medians(
      21,
      ['kubectl', 'cass-sni', '--help'],
      ['kubectl', 'empty'],
      ['kubectl-cass_sni', '--help'],
      empty,
    )
    log('routes sync with nothing to do beside kubectl apply')
    const file = join(folder, 'objects.json')
    const objects = await ownObjects(file)
    const sync = ['kubectl', 'cass-sni', 'routes', 'sync', '-n', NAMESPACE, '--yes']
    const apply = ['kubectl', 'apply', '--server-side', '--field-manager=kubectl-cass-sni', '-f', file]
    const [ours = 0, theirs = 0] = await medians(11, sync, apply)
    return [
      row('kubectl-cass_sni --help, beside node -e 0', direct, node),
      row('kubectl cass-sni --help, beside node -e 0', help, node),
      row('kubectl cass-sni --help, beside an empty plugin in Node', help, nothing),
      row(`routes sync, nothing to do, beside kubectl apply of its ${objects} objects`, ours, theirs),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Writes our objects as we would apply them, so that kubectl's apply has nothing to do either. Returns how many. */
async function ownObjects(file: string): Promise<number> {
  await run('kubectl', ['cass-sni', 'routes', 'sync', '-n', NAMESPACE, '--yes'])
  const { stdout } = await run(
    'kubectl',
    ['get', OWNED, '-n', NAMESPACE, '-l', OURS, '-o', 'json', '--show-managed-fields'],
    { maxBuffer: 1 << 26 },
  )
  const { items }: { items: KubeObject[] } = JSON.parse(stdout)
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: items.map((object) => ownedPart(object)) }),
  )
  return items.length
}
