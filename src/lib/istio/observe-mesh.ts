/** Finds Istio in a cluster, wherever it is installed. */
import type { Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { listVisible } from '../cluster/list-visible.ts'
import { DEPLOYMENT, MUTATING_WEBHOOK, POD, SERVICE } from '../cluster/resources.ts'
import type { Deployment, Pod, Service } from '../cluster/workloads.ts'
import { CassSniError } from '../errors.ts'
import { gatewayPod, gatewaysFrom, isRouter } from './gateways.ts'
import type { Istiod, Mesh, RevisionTag } from './mesh.ts'

export interface MeshScope {
  /**
   * The requested gateway, "namespace/service" or "service": without permission to list all namespaces, its namespace
   * is searched in addition to the usual ones.
   */
  gateway?: string | undefined
  /** False omits istiod, for callers that need a gateway only. Default true. */
  controlPlanes?: boolean | undefined
  /** Also read the revision tags from the MutatingWebhookConfigurations, which only injection needs. */
  injection?: boolean | undefined
  /** The API groups whose served versions are read, for reading or writing their objects. Default: both. */
  apis?: readonly ('networking' | 'security')[] | undefined
}

/** The usual namespaces of Istio and its gateways, searched without permission to list all namespaces. */
const USUAL_NAMESPACES = ['istio-system', 'istio-ingress', 'istio-gateway', 'istio-gateways']

/**
 * Reads istiod, the ingress gateways and the served versions of Istio's APIs, usually in one round trip.
 * Returns an empty Mesh if nothing is found. Without permission to list, `refused` is set and objects may be missing.
 */
export async function observeMesh(kube: Kube, scope: MeshScope = {}): Promise<Mesh> {
  const named = scope.gateway?.match(/^[^/]+(?=\/)/) ?? []
  const namespaces = [...new Set([...named, ...USUAL_NAMESPACES, kube.target.namespace])]
  const apis = scope.apis ?? ['networking', 'security']
  const everywhere = <T extends KubeObject>(type: ResourceType, labelSelector: string) =>
    listVisible<T>(kube, type, { namespaces, labelSelector })
  const [deployments, labelledPods, managedPods, services, networking, security, revisionTags] = await Promise.all([
    scope.controlPlanes === false ? undefined : everywhere<Deployment>(DEPLOYMENT, 'app=istiod'),
    // Both of Istio's charts set this label on gateway pods; istiod's own pods have it too.
    everywhere<Pod>(POD, 'istio'),
    everywhere<Pod>(POD, 'gateway.istio.io/managed'),
    everywhere<Service>(SERVICE, 'istio'),
    apis.includes('networking') ? kube.servedVersions('networking.istio.io') : [],
    apis.includes('security') ? kube.servedVersions('security.istio.io') : [],
    scope.injection === true ? observeTags(kube) : undefined,
  ])
  let pods = uniquePods([...labelledPods.items, ...managedPods.items])
  // A manually created gateway without the label has the injection label (istio.io docs, "Installing Gateways").
  if (!pods.some(isRouter))
    pods = uniquePods([...pods, ...(await everywhere<Pod>(POD, 'sidecar.istio.io/inject=true,!istio')).items])
  const gateways = gatewaysFrom(await withServicesOf(kube, pods.filter(isRouter), services.items), pods)
  const networkingVersion = newest(networking)
  const securityVersion = newest(security)
  // a gateway is found by its pods: their permission first
  const lists = [labelledPods, services, deployments].filter((list) => list !== undefined)
  const [refusedInNamespace] = lists.flatMap(({ unreadable }) => unreadable.get(namespaces[0] ?? '') ?? [])
  return {
    istiods: (deployments?.items ?? [])
      .map(istiodFrom)
      .sort((a, b) => (`${a.namespace}/${a.deployment}` < `${b.namespace}/${b.deployment}` ? -1 : 1)),
    gateways,
    routers: pods.filter(isRouter).map(gatewayPod),
    networkingVersion,
    securityVersion,
    revisionTags,
    refused: refusedInNamespace ?? lists.find(({ refusal }) => refusal !== undefined)?.refusal,
  }
}

/** Converts the Deployment of a control plane. Pure. */
export function istiodFrom(deployment: Deployment): Istiod {
  const { metadata, spec, status } = deployment
  const containers = spec?.template?.spec?.containers ?? []
  const discovery = containers.find((container) => container.name === 'discovery') ?? containers[0]
  const fromImage = /:v?(\d+\.\d+[-+.\w]*?)(?:-(?:distroless|debug))?(?:@|$)/.exec(discovery?.image ?? '')?.[1]
  // in development builds app.kubernetes.io/version is 1.0.0, and Istio's own label has the version
  const labeled = ['operator.istio.io/version', 'app.kubernetes.io/version'].map((key) => metadata.labels?.[key])
  const version = fromImage ?? labeled.find((label) => label !== undefined && /^\d+\.\d+/.test(label))
  const enabled = (variable: string) =>
    discovery?.env?.some(({ name, value }) => name === variable && value === 'true') === true ? true : undefined
  return {
    namespace: metadata.namespace ?? '',
    deployment: metadata.name,
    revision: metadata.labels?.['istio.io/rev'] ?? 'default',
    version,
    ready: (status?.readyReplicas ?? 0) > 0,
    gatewaysScopedToNamespace: enabled('PILOT_SCOPE_GATEWAY_TO_NAMESPACE'),
    alphaGatewayApi: enabled('PILOT_ENABLE_ALPHA_GATEWAY_API'),
  }
}

/**
 * Gateway Services need no label: if no known Service selects some gateway pods, all Services of their namespaces are
 * read.
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

/**
 * Reads the revision tags: `istioctl tag set` writes one webhook configuration per tag, labeled istio.io/tag and
 * istio.io/rev (istio/istio istioctl/pkg/tag).
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
 * The newest served version: v1 exists since Istio 1.22; 1.31 still serves v1beta1 and v1alpha3 (istio/istio
 * manifests/charts/base/files/crd-all.gen.yaml).
 */
function newest(served: string[]): string | undefined {
  return ['v1', 'v1beta1', 'v1alpha3'].find((version) => served.includes(version)) ?? served[0]
}
