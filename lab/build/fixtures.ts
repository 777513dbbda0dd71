import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
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
  'older-operator',
  'older-datacenter.yaml',
  'cert-manager',
]

/**
 * Produces the manifests for users of the lab: `installable`, with operator/ as a kustomization that is complete except
 * for webhook/ (see webhook.ts), cert-manager/ with its definitions, crds/, and gateway-api/ (the definitions of its standard
 * channel). Returns the directory in the cache.
 */
export async function ensureFixtures(): Promise<string> {
  const manifests = join(labSources, 'manifests')
  const { cassOperator, olderCassOperator, istio, cassandra, gatewayApi, certManager } = versions
  const pinned = [cassOperator, olderCassOperator, istio, cassandra, gatewayApi, certManager]
  const key = keyOf(await keyOfDirectory(manifests), ...pinned)
  return cached('fixtures', 'fixtures', key, (into) =>
    step('fixtures', async () => {
      const operator = await moduleSources('op', 'github.com/k8ssandra/cass-operator')
      const istio = await moduleSources('istio', 'istio.io/istio')
      for (const name of installable) await cp(join(manifests, name), join(into, name), { recursive: true })
      await cp(join(operator, 'config'), join(into, 'operator/config'), { recursive: true })
      const older = await moduleSources('op-1.22', 'github.com/k8ssandra/cass-operator')
      for (const name of ['rbac', 'manager', 'default/manager_config_patch.yaml'])
        await cp(join(older, 'config', name), join(into, 'older-operator/config', name), { recursive: true })
      const versioned = ['operator/base', 'older-operator'].map((name) => `${name}/kustomization.yaml`)
      for (const name of ['datacenter.yaml', 'second-datacenter.yaml', 'older-datacenter.yaml', ...versioned]) {
        const text = await readFile(join(into, name), 'utf8')
        await writeFile(join(into, name), text.replaceAll('CASSANDRA_VERSION', versions.cassandra))
      }
      const crds = join(into, 'crds')
      await mkdir(crds)
      await cp(join(istio, 'manifests/charts/base/files/crd-all.gen.yaml'), join(crds, 'istio.yaml'))
      await cp(join(operator, 'config/crd/bases'), crds, { recursive: true })
      await copyGatewayApi(join(into, 'gateway-api'))
      const certManager = await moduleSources('cert-manager', 'github.com/cert-manager/cert-manager')
      await cp(join(certManager, 'deploy/crds'), join(into, 'cert-manager'), { recursive: true, filter: isManifest })
      // Go's module cache is read-only
      await run('chmod', ['-R', 'u+w', into])
    }),
  )
}

function isManifest(path: string): boolean {
  return !path.endsWith('README.md')
}

/** Copies the CustomResourceDefinitions, without the policy that protects them from older versions. */
async function copyGatewayApi(into: string): Promise<void> {
  const standard = join(await moduleSources('istio', 'sigs.k8s.io/gateway-api'), 'config/crd/standard')
  const names = (await readdir(standard)).filter((name) => name.endsWith('.yaml') && !name.includes('_vap_'))
  await mkdir(into)
  for (const name of names) await cp(join(standard, name), join(into, name))
}

/** A manifest of lab/manifests. */
export function manifest(name: string): Promise<string> {
  return readFile(join(labSources, 'manifests', name), 'utf8')
}
