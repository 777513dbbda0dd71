/** Reads Istio out of a cluster, wherever it was installed. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { listVisible } from '../cluster/list-visible.ts'
import { DEPLOYMENT, MUTATING_WEBHOOK, POD, SERVICE } from '../cluster/resources.ts'
import type { Deployment, Pod, Service } from '../cluster/workloads.ts'
import { CassSniError } from '../errors.ts'
import { gatewayPod, gatewaysFrom, isRouter } from './gateways.ts'
import type { Istiod, Mesh, RevisionTag } from './mesh.ts'

export interface MeshScope {
  /**
   * The gateway that the user named, "namespace/service" or "service": its namespace is looked into besides the usual
   * ones, when the user may not list across all namespaces.
   */
  gateway?: string | undefined
  /** Read the revision tags too, from the MutatingWebhookConfigurations: only who injects needs them. */
  injection?: boolean | undefined
  /** False: do not read which versions of Istio's APIs are served, which only reading or writing its objects needs. */
  apis?: boolean | undefined
}

/** Where Istio and its gateways usually are: all that is looked at without the right to list across namespaces. */
const USUAL_NAMESPACES = ['istio-system', 'istio-ingress', 'istio-gateway', 'istio-gateways']

/**
 * istiod, the ingress gateways and the served versions of Istio's APIs, in one round trip as a rule.
 * Nothing there is an empty Mesh, not an error; without the right to list, what cannot be seen is not there, and
 * `refused` tells why.
 */
export async function observeMesh(kube: Kube, scope: MeshScope = {}): Promise<Mesh> {
  const named = scope.gateway?.match(/^[^/]+(?=\/)/) ?? []
  const namespaces = [...new Set([...named, ...USUAL_NAMESPACES, kube.target.namespace])]
  let refused: CassSniError | undefined
  const note = (error: CassSniError) => {
    refused ??= error
  }
  const everywhere = <T extends Deployment | Pod | Service>(type: ResourceType, labelSelector: string) =>
    listWhereAllowed<T>(kube, type, labelSelector, namespaces, note)
  const [deployments, labelledPods, managedPods, services, networking, security, revisionTags] = await Promise.all([
    everywhere<Deployment>(DEPLOYMENT, 'app=istiod'),
    // Both of Istio's charts label the pods of a gateway so; istiod's own pods have the label too.
    everywhere<Pod>(POD, 'istio'),
    everywhere<Pod>(POD, 'gateway.istio.io/managed'),
    everywhere<Service>(SERVICE, 'istio'),
    scope.apis === false ? [] : kube.servedVersions('networking.istio.io'),
    scope.apis === false ? [] : kube.servedVersions('security.istio.io'),
    scope.injection === true ? observeTags(kube) : undefined,
  ])
  let pods = uniquePods([...labelledPods, ...managedPods])
  // A gateway by hand without the label: it is injected, and says so (istio.io docs, "Installing Gateways").
  if (!pods.some(isRouter))
    pods = uniquePods([...pods, ...(await everywhere<Pod>(POD, 'sidecar.istio.io/inject=true,!istio'))])
  const gateways = gatewaysFrom(await withServicesOf(kube, pods.filter(isRouter), services), pods)
  const networkingVersion = newest(networking)
  const securityVersion = newest(security)
  return {
    istiods: deployments
      .map(istiodFrom)
      .sort((a, b) => (`${a.namespace}/${a.deployment}` < `${b.namespace}/${b.deployment}` ? -1 : 1)),
    gateways,
    routers: pods.filter(isRouter).map(gatewayPod),
    networkingVersion,
    securityVersion,
    revisionTags,
    refused,
  }
}

/** Pure: one control plane. */
export function istiodFrom(deployment: Deployment): Istiod {
  const { metadata, spec, status } = deployment
  const containers = spec?.template?.spec?.containers ?? []
  const discovery = containers.find((container) => container.name === 'discovery') ?? containers[0]
  const fromImage = /:v?(\d+\.\d+[-+.\w]*?)(?:-(?:distroless|debug))?(?:@|$)/.exec(discovery?.image ?? '')?.[1]
  // the chart of a development build says 1.0.0 in app.kubernetes.io/version, and Istio's own label says what it is
  const labeled = ['operator.istio.io/version', 'app.kubernetes.io/version'].map((key) => metadata.labels?.[key])
  const version = fromImage ?? labeled.find((label) => label !== undefined && /^\d+\.\d+/.test(label))
  const scoped =
    discovery?.env?.some((each) => each.name === 'PILOT_SCOPE_GATEWAY_TO_NAMESPACE' && each.value === 'true') === true
  return {
    namespace: metadata.namespace ?? '',
    deployment: metadata.name,
    revision: metadata.labels?.['istio.io/rev'] ?? 'default',
    version,
    ready: (status?.readyReplicas ?? 0) > 0,
    gatewaysScopedToNamespace: scoped ? true : undefined,
  }
}

/**
 * Services of gateways need no label of their own: where pods of a gateway are that no Service at hand selects, all
 * Services of their namespace are read.
 */
async function withServicesOf(kube: Kube, routers: Pod[], services: Service[]): Promise<Service[]> {
  const matched = new Set(
    gatewaysFrom(services, routers).flatMap((gateway) => gateway.pods.map((pod) => `${pod.namespace}/${pod.name}`)),
  )
  const orphans = routers.filter((pod) => !matched.has(`${pod.metadata.namespace}/${pod.metadata.name}`))
  const namespaces = [...new Set(orphans.map((pod) => pod.metadata.namespace ?? ''))]
  const more = (
    await Promise.all(
      namespaces.map((namespace) => kube.list<Service>(SERVICE, { namespace }).catch(nothingWhenForbidden<Service>)),
    )
  ).flat()
  const known = new Set(services.map((service) => `${service.metadata.namespace}/${service.metadata.name}`))
  return [
    ...services,
    ...more.filter((service) => !known.has(`${service.metadata.namespace}/${service.metadata.name}`)),
  ]
}

async function listWhereAllowed<T extends Deployment | Pod | Service>(
  kube: Kube,
  type: ResourceType,
  labelSelector: string,
  namespaces: string[],
  note: (refused: CassSniError) => void,
): Promise<T[]> {
  const { items, refusal } = await listVisible<T>(kube, type, { namespaces, labelSelector })
  if (refusal !== undefined) note(refusal)
  return items
}

/**
 * `istioctl tag set` writes one configuration per tag, labelled istio.io/tag and istio.io/rev (istio/istio
 * istioctl/pkg/tag).
 */
async function observeTags(kube: Kube): Promise<RevisionTag[]> {
  const webhooks = await kube
    .list(MUTATING_WEBHOOK, { labelSelector: 'istio.io/tag,istio.io/rev' })
    .catch(nothingWhenForbidden<KubeObject>)
  return webhooks.flatMap(({ metadata }) => {
    const tag = metadata.labels?.['istio.io/tag']
    const revision = metadata.labels?.['istio.io/rev']
    return tag === undefined || revision === undefined ? [] : [{ tag, revision }]
  })
}

function nothingWhenForbidden<T>(error: unknown): T[] {
  if (error instanceof CassSniError && error.code === 'CSNI203') return []
  throw error
}

function uniquePods(pods: Pod[]): Pod[] {
  return [...new Map(pods.map((pod) => [`${pod.metadata.namespace}/${pod.metadata.name}`, pod])).values()]
}

/**
 * v1 since Istio 1.22; v1beta1 and v1alpha3 are still served by 1.31 (istio/istio
 * manifests/charts/base/files/crd-all.gen.yaml).
 */
function newest(served: string[]): string | undefined {
  return ['v1', 'v1beta1', 'v1alpha3'].find((version) => served.includes(version)) ?? served[0]
}
