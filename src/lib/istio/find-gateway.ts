/** Selects the ingress gateway: the requested one, the one of the existing routes, or the only one. */
import type { Kube } from '../cluster/kube.ts'
import { API_GATEWAY, displayName, POD, SERVICE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { Pod, Service } from '../cluster/workloads.ts'
import { againWithout, CassSniError, command } from '../errors.ts'
import { gatewayOfResource, readGatewayResource } from './gateway-service.ts'
import { chooseGateway, gatewaysFrom, isRouter, nameOf, selects } from './gateways.ts'
import type { IngressGateway, Mesh } from './mesh.ts'

export interface GatewayWish {
  /** "namespace/service" or "service", from the user. */
  wanted?: string | undefined
  /** Annotation and selector of our existing Gateway. */
  remembered?:
    | {
        /** With `gateway`, the names are those of Gateway resources of the Kubernetes Gateway API. */
        api?: 'istio' | 'gateway' | undefined
        gateway?: string | undefined
        selector?: Record<string, string> | undefined
      }
    | undefined
}

/**
 * Returns the selected gateway. A requested Service is read whatever its labels. The gateway of the existing routes
 * stays selected even if there are several by now; if it no longer exists, a new one is selected. Throws CSNI203 if
 * that gateway cannot be read, CSNI502 and CSNI105 as `chooseGateway` does. For routes of the Gateway API, the gateway
 * of their Gateway resource is returned.
 */
export async function findGateway(
  kube: Kube,
  mesh: Mesh,
  { wanted, remembered }: GatewayWish,
): Promise<IngressGateway> {
  if (remembered?.api === 'gateway') return findResource(kube, wanted, remembered.gateway)
  if (wanted !== undefined && wanted !== '') {
    const known = mesh.gateways.some((gateway) => nameOf(gateway) === wanted)
    return (known ? undefined : await getGateway(kube, mesh, wanted)) ?? chooseGateway(mesh, wanted)
  }
  const before = remembered?.gateway
  if (before !== undefined) {
    const found = mesh.gateways.find((gateway) => nameOf(gateway) === before) ?? (await getGateway(kube, mesh, before))
    if (found !== undefined) return found
  }
  const { selector = {} } = remembered ?? {}
  const fitting =
    Object.keys(selector).length === 0 ? [] : mesh.gateways.filter((gateway) => selects(selector, gateway))
  return fitting.length === 1 && fitting[0] !== undefined ? fitting[0] : chooseGateway(mesh)
}

/** Returns the gateway behind the Gateway resource "namespace/name". Throws CSNI502 if the resource does not exist. */
async function findResource(
  kube: Kube,
  wanted: string | undefined,
  remembered: string | undefined,
): Promise<IngressGateway> {
  const text = wanted ?? remembered ?? ''
  const [namespace = '', name = ''] = text.includes('/') ? text.split('/', 2) : [kube.target.namespace, text]
  const resource = { namespace, name }
  const object = await readGatewayResource(kube, resource)
  if (object !== undefined) return gatewayOfResource(kube, resource, object)
  throw new CassSniError('CSNI502', `${displayName(API_GATEWAY, name)} in namespace ${namespace}: not found`, {
    object: `${displayName(API_GATEWAY, name)} in namespace ${namespace}`,
    next: wanted === undefined ? [command`kubectl cass-sni routes sync`] : [againWithout('gateway')],
  })
}

/** Reads the gateway of the Service "namespace/service"; undefined if it is not a gateway or cannot be read. */
export function readGateway(kube: Kube, mesh: Mesh, name: string): Promise<IngressGateway | undefined> {
  return unless('CSNI203', getGateway(kube, mesh, name))
}

async function getGateway(kube: Kube, mesh: Mesh, name: string): Promise<IngressGateway | undefined> {
  const [namespace, service = ''] = name.split('/')
  if (namespace === undefined || namespace === '' || service === '') return undefined
  const found = await kube.get<Service>(SERVICE, service, namespace)
  const selector = Object.entries(found?.spec?.selector ?? {})
  if (found === undefined || selector.length === 0) return undefined
  const labelSelector = selector.map(([key, value]) => `${key}=${value}`).join(',')
  const pods = await kube.list<Pod>(POD, { namespace, labelSelector })
  const [gateway] = gatewaysFrom([found], pods.filter(isRouter))
  if (gateway === undefined) return undefined
  // Its pods may lack the labels by which the others were found, and all are needed to compute selectors.
  const known = new Set((mesh.routers ?? []).map((pod) => `${pod.namespace}/${pod.name}`))
  mesh.routers?.push(...gateway.pods.filter((pod) => !known.has(`${pod.namespace}/${pod.name}`)))
  return gateway
}
