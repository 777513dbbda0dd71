import { join } from 'node:path'
import { certManagerImage } from './build/images.ts'
import { type KubeClient, KubeError, type KubeObject, openKube, readyContainers } from './kube.ts'
import { state } from './layout.ts'
import { provideImage } from './node.ts'
import { LabError, say, step, until } from './progress.ts'
import { attempt, run } from './run.ts'

/** Components for `up --with`, in the order of installation. */
export const components = [
  'istio',
  'operator',
  'datacenter',
  'gateway-api',
  'second-gateway',
  'second-datacenter',
  'older-datacenter',
  'cert-manager',
] as const
export type Component = (typeof components)[number]

const needs: Record<Component, readonly Component[]> = {
  istio: [],
  operator: ['istio'],
  datacenter: ['operator'],
  'gateway-api': ['istio'],
  'second-gateway': ['istio'],
  // these have a separate operator, but use the webhook of the first one
  'second-datacenter': ['operator'],
  'older-datacenter': ['operator'],
  'cert-manager': [],
}

/** Returns these components and all that they need, in order. */
export function withNeeds(targets: readonly Component[]): Component[] {
  const selected = new Set<Component>()
  const select = (component: Component) => {
    selected.add(component)
    for (const each of needs[component]) select(each)
  }
  for (const target of targets) select(target)
  return components.filter((component) => selected.has(component))
}

/** The lab's CassandraDatacenters. */
export const datacenters = {
  datacenter: { namespace: 'cass-operator', name: 'dc1' },
  'second-datacenter': { namespace: 'second', name: 'dc2' },
  'older-datacenter': { namespace: 'older', name: 'dc3' },
} as const

/** The Services of the lab's ingress gateways, in istio-system. */
export const gateways = { istio: 'istio-ingressgateway', 'second-gateway': 'second-ingressgateway' } as const

/** Installs a component from the fixtures, unless it is ready. */
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
    (await deploymentReady(kube, 'istio-system', gateways.istio)),
  operator: (kube) => deploymentReady(kube, 'cass-operator', 'cass-operator-controller-manager'),
  datacenter: (kube) => datacenterReady(kube, 'datacenter'),
  'gateway-api': gatewayClassAccepted,
  'second-gateway': (kube) => deploymentReady(kube, 'istio-system', gateways['second-gateway']),
  'second-datacenter': (kube) => datacenterReady(kube, 'second-datacenter'),
  'older-datacenter': (kube) => datacenterReady(kube, 'older-datacenter'),
  'cert-manager': (kube) => deploymentReady(kube, 'cert-manager', 'cert-manager'),
}

const install: Record<Component, (kube: KubeClient) => Promise<void>> = {
  istio: async () => {
    const values = fixture('istio-values.yaml')
    const log = join(state.logs, 'istioctl-install.log')
    const args = ['install', '-y', '-f', values, '--kubeconfig', state.kubeconfig, '--readiness-timeout', '180s']
    await run(join(state.bin, 'istioctl'), args, { log })
  },
  operator: async (kube) => {
    await createNamespace('cass-operator')
    await apply('-k', fixture('operator'))
    await until('cass-operator is ready', () => isReady.operator(kube), { timeout: 120_000 })
    // kube-proxy updates the Service's endpoints a little later
    await until("cass-operator's webhook is reachable", webhookReachable)
  },
  datacenter: async (kube) => {
    await apply('-f', fixture('storage-class.yaml'))
    await apply('-f', fixture('datacenter.yaml'))
    await untilDatacenterIsReady(kube, 'datacenter')
  },
  'gateway-api': async (kube) => {
    await apply('-f', fixture('gateway-api'))
    await until('the GatewayClass is accepted', () => isReady['gateway-api'](kube), { timeout: 60_000 })
  },
  'second-gateway': async (kube) => {
    await apply('-f', fixture('second-gateway.yaml'))
    await until('the second gateway is ready', () => isReady['second-gateway'](kube), { timeout: 120_000 })
  },
  'second-datacenter': (kube) => installDatacenter(kube, 'second-datacenter', 'second-operator'),
  'older-datacenter': (kube) => installDatacenter(kube, 'older-datacenter', 'older-operator'),
  'cert-manager': async (kube) => {
    await provideImage(await certManagerImage())
    await createNamespace('cert-manager')
    await apply('-f', fixture('cert-manager'))
    await until('cert-manager is ready', () => isReady['cert-manager'](kube), { timeout: 120_000 })
  },
}

async function installDatacenter(
  kube: KubeClient,
  which: 'second-datacenter' | 'older-datacenter',
  operator: string,
): Promise<void> {
  await createNamespace(datacenters[which].namespace)
  await apply('-f', fixture('storage-class.yaml'))
  await apply('-k', fixture(operator))
  await apply('-f', fixture(`${which}.yaml`))
  await untilDatacenterIsReady(kube, which)
}

const fixture = (name: string): string => join(state.fixtures, name)

const kubectl = join(state.bin, 'kubectl')
const applied = ['--kubeconfig', state.kubeconfig, 'apply', '--server-side', '--field-manager=cass-sni-lab']

const apply = (...what: string[]): Promise<string> => run(kubectl, [...applied, ...what])

async function createNamespace(name: string): Promise<void> {
  const labels = { 'istio-injection': 'enabled' }
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  await run(kubectl, [...applied, '-f', '-'], { input })
}

async function webhookReachable(): Promise<boolean> {
  const { code, stderr } = await attempt(kubectl, [...applied, '--dry-run=server', '-f', fixture('datacenter.yaml')])
  if (code !== 0 && !stderr.includes('failed calling webhook')) throw new LabError(stderr.trim())
  return code === 0
}

async function datacenterReady(kube: KubeClient, which: keyof typeof datacenters): Promise<boolean> {
  const { namespace, name } = datacenters[which]
  return isDatacenterReady(
    await find(kube, `/apis/cassandra.datastax.com/v1beta1/namespaces/${namespace}/cassandradatacenters/${name}`),
  )
}

/** Whether a CassandraDatacenter is ready and the operator has no pending work on it. */
export function isDatacenterReady(datacenter: KubeObject | undefined): boolean {
  const conditions: Array<{ type: string; status: string }> = datacenter?.status?.conditions ?? []
  const ready = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  return ready && datacenter?.status?.cassandraOperatorProgress === 'Ready'
}

async function untilDatacenterIsReady(kube: KubeClient, which: keyof typeof datacenters): Promise<void> {
  let printed = ''
  await until(
    `${which} is ready`,
    async () => {
      const now = await nodesLine(kube, datacenters[which])
      if (now !== printed) say(`  ${now}`)
      printed = now
      return isReady[which](kube)
    },
    { timeout: 420_000, every: 1000 },
  )
}

/** E.g. "dse-dc1-default-sts-0 3/3, dse-dc1-default-sts-1 2/3". */
async function nodesLine(kube: KubeClient, { namespace, name }: { namespace: string; name: string }): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=cassandra.datastax.com/datacenter=${name}`
  const { items } = await kube.get<{ items: KubeObject[] }>(path)
  const line = items.map((pod) => `${pod.metadata.name} ${readyContainers(pod)}`)
  return line.sort().join(', ') || 'no pods yet'
}

async function deploymentReady(kube: KubeClient, inNamespace: string, name: string): Promise<boolean> {
  const deployment = await find(kube, `/apis/apps/v1/namespaces/${inNamespace}/deployments/${name}`)
  return (deployment?.status?.readyReplicas ?? 0) > 0
}

/** istiod creates its GatewayClass once the CustomResourceDefinitions of the Gateway API exist. */
async function gatewayClassAccepted(kube: KubeClient): Promise<boolean> {
  const found = await find(kube, '/apis/gateway.networking.k8s.io/v1/gatewayclasses/istio')
  const conditions: Array<{ type: string; status: string }> = found?.status?.conditions ?? []
  return conditions.some(({ type, status }) => type === 'Accepted' && status === 'True')
}

async function find(kube: KubeClient, path: string): Promise<KubeObject | undefined> {
  try {
    return await kube.get(path)
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined
    throw error
  }
}
