import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { labSources } from '../layout.ts'
import { step } from '../progress.ts'
import { run } from '../run.ts'
import { versions } from '../versions.ts'
import { cached, keyOf, keyOfDirectory } from './cache.ts'
import { moduleSources } from './programs.ts'

const installable = [
  'istio-values.yaml',
  'operator',
  'storage-class.yaml',
  'datacenter.yaml',
  'second-operator',
  'second-datacenter.yaml',
  'second-gateway.yaml',
]

/**
 * Produces the manifests for users of the lab: `installable`, with operator/ as a kustomization that is complete except
 * for webhook/ (see webhook.ts), and crds/. Returns the directory in the cache.
 */
export async function ensureFixtures(): Promise<string> {
  const manifests = join(labSources, 'manifests')
  const key = keyOf(await keyOfDirectory(manifests), versions.cassOperator, versions.istio, versions.cassandra)
  return cached('fixtures', 'fixtures', key, (into) =>
    step('fixtures', async () => {
      const operator = await moduleSources('op', 'github.com/k8ssandra/cass-operator')
      const istio = await moduleSources('istio', 'istio.io/istio')
      for (const name of installable) await cp(join(manifests, name), join(into, name), { recursive: true })
      await cp(join(operator, 'config'), join(into, 'operator/config'), { recursive: true })
      for (const name of ['datacenter.yaml', 'second-datacenter.yaml', 'operator/base/kustomization.yaml']) {
        const text = await readFile(join(into, name), 'utf8')
        await writeFile(join(into, name), text.replaceAll('CASSANDRA_VERSION', versions.cassandra))
      }
      const crds = join(into, 'crds')
      await mkdir(crds)
      await cp(join(istio, 'manifests/charts/base/files/crd-all.gen.yaml'), join(crds, 'istio.yaml'))
      await cp(join(operator, 'config/crd/bases'), crds, { recursive: true })
      // Go's module cache is read-only
      await run('chmod', ['-R', 'u+w', into])
    }),
  )
}

/** A manifest of lab/manifests. */
export function manifest(name: string): Promise<string> {
  return readFile(join(labSources, 'manifests', name), 'utf8')
}
