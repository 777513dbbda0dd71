/** Finds the Gateway resource for the routes, with what its choice depends on. */
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { API_GATEWAY, GATEWAY_CLASS, NAMESPACE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { chooseTarget, type GatewayTarget, type TargetRequest } from './gateway-target.ts'
import type { GatewayApi } from './observe-gateway-api.ts'

export interface FoundTarget {
  target: GatewayTarget
  /** `spec.controllerName` of its GatewayClass; undefined if unknown. */
  controller?: string | undefined
}

/** Selects the Gateway as `chooseTarget` does, and throws the same errors. */
export async function findTarget(
  kube: Kube,
  api: GatewayApi,
  request: Omit<TargetRequest, 'namespaceLabels'>,
): Promise<FoundTarget> {
  const [classes, namespace, named] = await Promise.all([
    unless('CSNI203', kube.list(GATEWAY_CLASS)),
    unless('CSNI203', kube.get(NAMESPACE, request.namespace)),
    unlisted(kube, api, request.gateway),
  ])
  const namespaceLabels = namespace === undefined ? undefined : (namespace.metadata.labels ?? {})
  const target = chooseTarget([...api.gateways, ...named], classes, { ...request, namespaceLabels })
  const className =
    target.className ?? (target.live?.spec as { gatewayClassName?: string } | undefined)?.gatewayClassName
  const found = classes?.find(({ metadata }) => metadata.name === className)
  return { target, controller: (found?.spec as { controllerName?: string } | undefined)?.controllerName }
}

/** The Gateway "namespace/name" if not all Gateways could be listed. */
async function unlisted(kube: Kube, { gateways, hidden }: GatewayApi, text = ''): Promise<KubeObject[]> {
  const [namespace, name] = text.split('/')
  if (name === undefined || !hidden.has(API_GATEWAY.kind)) return []
  if (gateways.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace)) return []
  const found = await kube.get(API_GATEWAY, name, namespace)
  return found === undefined ? [] : [found]
}
