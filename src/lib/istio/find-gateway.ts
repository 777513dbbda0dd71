/** Which ingress gateway is meant: the one that is named, the one that was chosen before, or the only one there is. */
import type { Kube } from '../cluster/kube.ts'
import { POD, SERVICE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { Pod, Service } from '../cluster/workloads.ts'
import { chooseGateway, gatewaysFrom, isRouter, nameOf, selects } from './gateways.ts'
import type { IngressGateway, Mesh } from './mesh.ts'

export interface GatewayWish {
  /** "namespace/service" or "service", as the user named it. */
  wanted?: string | undefined
  /** What our own Gateway object says: its annotation, and its selector. */
  remembered?: { gateway?: string | undefined; selector?: Record<string, string> | undefined } | undefined
}

/**
 * A Service that is named is read whatever its labels. What was chosen before stays chosen, however many gateways are
 * there by now; when it is gone, the choice is made anew. Throws CSNI502 and CSNI105 as `chooseGateway`.
 */
export async function findGateway(
  kube: Kube,
  mesh: Mesh,
  { wanted, remembered }: GatewayWish,
): Promise<IngressGateway> {
  if (wanted !== undefined && wanted !== '') {
    const known = mesh.gateways.some((gateway) => nameOf(gateway) === wanted)
    return (known ? undefined : await readGateway(kube, mesh, wanted)) ?? chooseGateway(mesh, wanted)
  }
  const before = remembered?.gateway
  if (before !== undefined) {
    const found = mesh.gateways.find((gateway) => nameOf(gateway) === before) ?? (await readGateway(kube, mesh, before))
    if (found !== undefined) return found
  }
  const { selector = {} } = remembered ?? {}
  const fitting =
    Object.keys(selector).length === 0 ? [] : mesh.gateways.filter((gateway) => selects(selector, gateway))
  return fitting.length === 1 && fitting[0] !== undefined ? fitting[0] : chooseGateway(mesh)
}

/** The gateway behind the Service "namespace/service"; undefined when it is none, or may not be read. */
export async function readGateway(kube: Kube, mesh: Mesh, name: string): Promise<IngressGateway | undefined> {
  const [namespace, service = ''] = name.split('/')
  if (namespace === undefined || namespace === '' || service === '') return undefined
  const found = await unless('CSNI203', kube.get<Service>(SERVICE, service, namespace))
  const selector = Object.entries(found?.spec?.selector ?? {})
  if (found === undefined || selector.length === 0) return undefined
  const labelSelector = selector.map(([key, value]) => `${key}=${value}`).join(',')
  const pods = (await unless('CSNI203', kube.list<Pod>(POD, { namespace, labelSelector }))) ?? []
  const [gateway] = gatewaysFrom([found], pods.filter(isRouter))
  if (gateway === undefined) return undefined
  // Its own pods may lack the labels by which the others were found, and the others count for the selector.
  const known = new Set((mesh.routers ?? []).map((pod) => `${pod.namespace}/${pod.name}`))
  mesh.routers?.push(...gateway.pods.filter((pod) => !known.has(`${pod.namespace}/${pod.name}`)))
  return gateway
}
