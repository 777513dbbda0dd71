/** Finds the Service and pods that serve a Gateway of the Kubernetes Gateway API, whatever implements it. */
import { gatewayStatus, listenersOf, type ResourceName, textOf } from '../gateway-api/gateway-objects.ts'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { API_GATEWAY, POD, SERVICE } from '../cluster/resources.ts'
import type { Pod, Service } from '../cluster/workloads.ts'
import { GATEWAY_NAME_LABEL, gatewayPod, isRouter } from './gateways.ts'
import type { IngressGateway } from './mesh.ts'

/** Returns the Gateway resource; undefined if it does not exist. Throws CSNI205 if the API is not served. */
export function readGatewayResource(kube: Kube, { namespace, name }: ResourceName): Promise<KubeObject | undefined> {
  return kube.get(API_GATEWAY, name, namespace)
}

/**
 * Returns the gateway behind a Gateway resource. Its addresses are those of the resource's status. A Gateway whose pods
 * run elsewhere has no pods; one that does not exist yet has no addresses either.
 */
export async function gatewayOfResource(
  kube: Kube,
  resource: ResourceName,
  object: KubeObject | undefined,
): Promise<IngressGateway> {
  const { namespace, name } = resource
  const service = (await labeledService(kube, resource)) ?? (await namedService(kube, object))
  const selector = service?.spec?.selector ?? { [GATEWAY_NAME_LABEL]: name }
  const at = service?.metadata.namespace ?? namespace
  const labelSelector = Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
  const pods = service === undefined ? [] : await kube.list<Pod>(POD, { namespace: at, labelSelector })
  const addresses = object === undefined ? [] : (gatewayStatus(object).addresses ?? []).map(({ value }) => value)
  const listening = object === undefined ? [] : listenersOf(object).map(({ port }) => ({ port, protocol: 'TCP' }))
  return {
    namespace: at,
    service: service?.metadata.name ?? name,
    serviceType: service?.spec?.type ?? 'ClusterIP',
    ports: service?.spec?.ports ?? listening,
    addresses: [...new Set([...addresses, ...(service === undefined ? [] : balancerAddresses(service))])],
    selector,
    pods: pods.map((pod) => ({ ...gatewayPod(pod), foreign: isRouter(pod) ? undefined : (true as const) })),
    managed: true,
    resource: textOf(resource),
    object: service,
  }
}

async function labeledService(kube: Kube, { namespace, name }: ResourceName): Promise<Service | undefined> {
  const labelSelector = `${GATEWAY_NAME_LABEL}=${name}`
  const services = await kube.list<Service>(SERVICE, { namespace, labelSelector })
  return services.find(({ spec }) => spec?.selector !== undefined)
}

/** Istio binds a Gateway to an existing Service by its host name in spec.addresses (istio.io, "Manual deployment"). */
async function namedService(kube: Kube, gateway: KubeObject | undefined): Promise<Service | undefined> {
  const { addresses = [] } = (gateway?.spec ?? {}) as { addresses?: { type?: string; value?: string }[] }
  const host = addresses.find(({ type }) => type === 'Hostname')?.value ?? ''
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc(?:\.|$)/.exec(host) ?? []
  return service === undefined ? undefined : kube.get<Service>(SERVICE, service, namespace)
}

function balancerAddresses({ status, spec }: Service): string[] {
  return [
    ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []),
    ...(spec?.externalIPs ?? []),
  ]
}
