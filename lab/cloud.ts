/**
 * The lab's cloud provider, a separate process: assigns an address to every Service of type LoadBalancer
 * (kube-proxy does the rest), and makes released volumes available again.
 */
import { fileURLToPath } from 'node:url'
import { network } from './layout.ts'
import { type KubeClient, type KubeObject, openKube } from './kube.ts'
import { wipeVolume } from './volumes.ts'

/** The address for a Service: its current one, or the lowest that no other Service has. */
export function addressFor(service: KubeObject, all: readonly KubeObject[]): string | undefined {
  const own = addressOf(service)
  if (own) return own
  const taken = new Set(all.map(addressOf))
  for (let last = network.firstLoadBalancer; last < 250; last++) {
    const address = `${network.loadBalancerPrefix}${last}`
    if (!taken.has(address)) return address
  }
  return undefined
}

const addressOf = (service: KubeObject): string | undefined => service.status?.loadBalancer?.ingress?.[0]?.ip

async function balance(kube: KubeClient, services: KubeObject[]): Promise<void> {
  for (const service of services) {
    if (service.spec?.type !== 'LoadBalancer' || addressOf(service)) continue
    const address = addressFor(service, services)
    if (!address) continue
    const { namespace, name } = service.metadata
    const status = { loadBalancer: { ingress: [{ ip: address, ipMode: 'VIP' }] } }
    await kube.send('PATCH', `/api/v1/namespaces/${namespace}/services/${name}/status`, { status })
    service.status = status
    console.log(`${namespace}/${name} has ${address}`)
  }
}

async function recycle(kube: KubeClient, volumes: KubeObject[]): Promise<void> {
  for (const volume of volumes) {
    if (!volume.spec?.claimRef || volume.status?.phase !== 'Released') continue
    if (!volume.metadata.labels?.['lab.cass-sni/volume']) continue
    const { name, resourceVersion } = volume.metadata
    await wipeVolume(name)
    // with the resourceVersion, only this claim is removed
    const patch = { metadata: { resourceVersion }, spec: { claimRef: null } }
    await kube.send('PATCH', `/api/v1/persistentvolumes/${name}`, patch)
    console.log(`${name} is empty and available again`)
  }
}

/** Watches forever, and retries after failures (the API server restarted, an object was modified). */
async function watchForever(kube: KubeClient, path: string, changed: (items: KubeObject[]) => Promise<void>) {
  for (;;) {
    await kube.watch(path, changed).catch((error) => console.error(`${path}: ${error.message}`))
    await new Promise((wake) => setTimeout(wake, 500))
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const kube = await openKube(process.argv[2] as string, 'cass-sni-lab-cloud')
  await Promise.all([
    watchForever(kube, '/api/v1/services', (items) => balance(kube, items)),
    watchForever(kube, '/api/v1/persistentvolumes', (items) => recycle(kube, items)),
  ])
}
