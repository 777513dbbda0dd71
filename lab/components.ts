import { join } from 'node:path'
import { type KubeClient, KubeError, type KubeObject, openKube, readyContainers } from './kube.ts'
import { state } from './layout.ts'
import { say, step, until } from './progress.ts'
import { run } from './run.ts'

/** What `up --with` can add to the empty node, each on top of those before it. */
export const components = ['istio', 'operator', 'datacenter'] as const
export type Component = (typeof components)[number]

const namespace = 'cass-operator'
const datacenterPath = `/apis/cassandra.datastax.com/v1beta1/namespaces/${namespace}/cassandradatacenters/dc1`

/** Installs a component from the fixtures, unless it is there and ready. */
export async function raise(component: Component): Promise<void> {
  const kube = await openKube(state.kubeconfig)
  try {
    if (await isReady[component](kube)) return
    await step(component, () => install[component](kube))
  } finally {
    kube.close()
  }
}

const isReady: Record<Component, (kube: KubeClient) => Promise<boolean>> = {
  istio: async (kube) =>
    (await deploymentReady(kube, 'istio-system', 'istiod')) &&
    (await deploymentReady(kube, 'istio-system', 'istio-ingressgateway')),
  operator: (kube) => deploymentReady(kube, namespace, 'cass-operator-controller-manager'),
  datacenter: async (kube) => {
    const datacenter = await find(kube, datacenterPath)
    const conditions: Array<{ type: string; status: string }> = datacenter?.status?.conditions ?? []
    const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    return ready && datacenter?.status?.cassandraOperatorProgress === 'Ready'
  },
}

const install: Record<Component, (kube: KubeClient) => Promise<void>> = {
  istio: async () => {
    const values = join(state.fixtures, 'istio-values.yaml')
    const log = join(state.logs, 'istioctl-install.log')
    const args = ['install', '-y', '-f', values, '--kubeconfig', state.kubeconfig, '--readiness-timeout', '180s']
    await run(join(state.bin, 'istioctl'), args, { log })
  },
  operator: async (kube) => {
    const labels = { 'istio-injection': 'enabled' }
    await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }))
    await kubectl('apply', '--server-side', '--field-manager=cass-sni-lab', '-k', join(state.fixtures, 'operator'))
    await until('cass-operator is ready', () => isReady.operator(kube), { timeout: 120_000 })
  },
  datacenter: async (kube) => {
    await kubectl('apply', '--server-side', '-f', join(state.fixtures, 'storage-class.yaml'))
    await kubectl('apply', '--server-side', '-f', join(state.fixtures, 'datacenter.yaml'))
    let shown = ''
    await until(
      'the datacenter is ready',
      async () => {
        const now = await nodesLine(kube)
        if (now !== shown) say(`  ${now}`)
        shown = now
        return isReady.datacenter(kube)
      },
      { timeout: 420_000, every: 1000 },
    )
  },
}

/** E.g. "dse-dc1-default-sts-0 3/3, dse-dc1-default-sts-1 2/3". */
async function nodesLine(kube: KubeClient): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=cassandra.datastax.com/datacenter=dc1`
  const { items } = await kube.get<{ items: KubeObject[] }>(path)
  const line = items.map((pod) => `${pod.metadata.name} ${readyContainers(pod)}`)
  return line.sort().join(', ') || 'no pods yet'
}

async function deploymentReady(kube: KubeClient, inNamespace: string, name: string): Promise<boolean> {
  const deployment = await find(kube, `/apis/apps/v1/namespaces/${inNamespace}/deployments/${name}`)
  return (deployment?.status?.readyReplicas ?? 0) > 0
}

async function find(kube: KubeClient, path: string): Promise<KubeObject | undefined> {
  try {
    return await kube.get(path)
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined
    throw error
  }
}

function kubectl(...args: string[]): Promise<string> {
  return run(join(state.bin, 'kubectl'), ['--kubeconfig', state.kubeconfig, ...args])
}

const apply = (text: string) =>
  run(join(state.bin, 'kubectl'), ['--kubeconfig', state.kubeconfig, 'apply', '--server-side', '-f', '-'], {
    input: text,
  })
