import { isDatacenterReady } from './components.ts'
import { daemons, health } from './health.ts'
import { KubeError, type KubeObject, openKube, readyContainers } from './kube.ts'
import { state } from './layout.ts'
import { alive, readRecords } from './processes.ts'

/** The output of `status -o json`. */
export interface Status {
  up: boolean
  reason?: string
  since?: string
  checkout?: string
  components: Array<{ name: string; running: boolean; pid?: number }>
  nodes: Array<{ name: string; ready: boolean }>
  pods: Array<{ namespace: string; name: string; phase: string; ready: string }>
  /** Services of type LoadBalancer with their addresses */
  gateways: Array<{ namespace: string; name: string; address: string }>
  datacenters: Array<{ namespace: string; name: string; cluster: string; ready: boolean }>
}

type Objects = Pick<Status, 'nodes' | 'pods' | 'gateways' | 'datacenters'>
const none: Objects = { nodes: [], pods: [], gateways: [], datacenters: [] }

/** Prints the state of the lab; returns the exit code, which is 0 if the lab is running. */
export async function printStatus(json: boolean): Promise<number> {
  const status = await readStatus()
  process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : table(status))
  return status.up ? 0 : 1
}

/** Reads the state of the lab, which may be broken. */
export async function readStatus(): Promise<Status> {
  const { up, reason, record } = await health()
  const records = await readRecords()
  const components = daemons.map((name) => {
    const found = records.find((each) => each.name === name)
    const running = found !== undefined && alive(found)
    return { name, running, ...(running ? { pid: found.pid } : {}) }
  })
  const objects = up ? await readObjects().catch(() => undefined) : undefined
  return {
    up,
    ...(reason ? { reason } : {}),
    ...record,
    components,
    ...(objects ?? none),
  }
}

async function readObjects(): Promise<Objects> {
  const kube = await openKube(state.kubeconfig)
  try {
    const nodes = await kube.get<{ items: KubeObject[] }>('/api/v1/nodes')
    const pods = await kube.get<{ items: KubeObject[] }>('/api/v1/pods')
    const services = await kube.get<{ items: KubeObject[] }>('/api/v1/services')
    const datacenters = await kube
      .get<{ items: KubeObject[] }>('/apis/cassandra.datastax.com/v1beta1/cassandradatacenters')
      .catch(unlessNotServed)
    return {
      nodes: nodes.items.map(({ metadata, status }) => ({
        name: metadata.name,
        ready: (status?.conditions ?? []).some(
          (each: { type: string; status: string }) => each.type === 'Ready' && each.status === 'True',
        ),
      })),
      pods: pods.items.map((pod) => ({
        namespace: pod.metadata.namespace ?? '',
        name: pod.metadata.name,
        phase: pod.status?.phase ?? '',
        ready: readyContainers(pod),
      })),
      gateways: services.items
        .filter((service) => service.spec?.type === 'LoadBalancer')
        .map(({ metadata, status }) => ({
          namespace: metadata.namespace ?? '',
          name: metadata.name,
          address: status?.loadBalancer?.ingress?.[0]?.ip ?? 'no address yet',
        })),
      datacenters: datacenters.items.map((datacenter) => ({
        namespace: datacenter.metadata.namespace ?? '',
        name: datacenter.metadata.name,
        cluster: datacenter.spec?.clusterName ?? '',
        ready: isDatacenterReady(datacenter),
      })),
    }
  } finally {
    kube.close()
  }
}

/** Lists the datacenters; none without cass-operator. */
function unlessNotServed(error: unknown): { items: KubeObject[] } {
  if (error instanceof KubeError && error.status === 404) return { items: [] }
  throw error
}

function table(status: Status): string {
  const rows: string[][] = status.components.map(({ name, running, pid }) => [
    'component',
    name,
    running ? `running (${pid})` : 'not running',
  ])
  for (const { name, ready } of status.nodes) rows.push(['node', name, ready ? 'Ready' : 'NotReady'])
  for (const { namespace, name, phase, ready } of status.pods)
    rows.push(['pod', `${namespace}/${name}`, `${ready} ${phase}`])
  for (const { namespace, name, address } of status.gateways) rows.push(['gateway', `${namespace}/${name}`, address])
  for (const { namespace, name, cluster, ready } of status.datacenters)
    rows.push(['datacenter', `${namespace}/${name}`, `${ready ? 'Ready' : 'NotReady'} cluster "${cluster}"`])
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const head = status.up ? `up since ${status.since}, raised from ${status.checkout}` : `not up: ${status.reason}`
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${[head, ...lines].join('\n')}\n`
}
