/** Detects gateways at which Istio silently ignores the Gateway resources of a namespace. */
import type { V1ConfigMap } from '@kubernetes/client-node'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { type LabelSelector, matchesLabels } from '../cluster/label-selector.ts'
import { CONFIG_MAP, NAMESPACE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { controlPlanesOf, nameOf } from './gateways.ts'
import type { IngressGateway, Istiod, Mesh } from './mesh.ts'

/**
 * Throws CSNI506 if the gateway's control plane ignores Gateway resources in the namespace:
 * - the gateway was created for the Gateway API, and Istio no longer merges Gateways of other namespaces into it
 *   (PILOT_ENABLE_STRICT_GATEWAY_MERGING, on since 1.31);
 * - PILOT_SCOPE_GATEWAY_TO_NAMESPACE is set (pilot/pkg/features/pilot.go);
 * - meshConfig.discoverySelectors exclude the namespace, so istiod sees none of its objects.
 * What cannot be read is not treated as a fault. `usual` is the mesh configuration of the usual control plane if it is
 * being read already: see `usualMeshConfig`.
 */
export async function refuseUnheeded(
  kube: Kube,
  mesh: Mesh,
  gateway: IngressGateway,
  namespace: string,
  usual?: Promise<string | undefined>,
): Promise<void> {
  // Gateways of the Gateway API are served by their own pods, and their status states whether they serve a route
  const byIstioGateways = gateway.resource === undefined
  if (byIstioGateways && gateway.managed === true && gateway.namespace !== namespace) {
    throw ignored(
      gateway,
      'was created for the Kubernetes Gateway API, so Istio ignores Gateway resources in other namespaces ' +
        `(${namespace})`,
    )
  }
  const istiods = gateway.pods.some(({ foreign }) => foreign) ? [] : controlPlanesOf(gateway, mesh)
  const scoped = istiods.find((istiod) => istiod.gatewaysScopedToNamespace === true)
  if (
    byIstioGateways &&
    scoped !== undefined &&
    gateway.namespace !== namespace &&
    istiods.every((each) => each.gatewaysScopedToNamespace)
  ) {
    throw ignored(
      gateway,
      `uses only Gateways in its own namespace (PILOT_SCOPE_GATEWAY_TO_NAMESPACE of istiod ` +
        `${scoped.namespace}/${scoped.deployment})`,
    )
  }
  const selectors = await Promise.all(
    istiods.map(async (istiod) =>
      discoverySelectors(await (isUsual(istiod) && usual !== undefined ? usual : meshConfig(kube, istiod))),
    ),
  )
  const [first] = istiods
  // without discoverySelectors istiod watches every namespace
  if (first === undefined || selectors.some(({ length }) => length === 0)) return
  const labels = await namespaceLabels(kube, namespace)
  if (labels === undefined || selectors.flat().some((selector) => matchesLabels(selector, labels))) return
  throw ignored(
    gateway,
    `is configured by istiod ${first.namespace}/${first.deployment}, whose meshConfig.discoverySelectors exclude ` +
      `namespace ${namespace}`,
    namespace,
  )
}

async function namespaceLabels(kube: Kube, namespace: string): Promise<Record<string, string> | undefined> {
  const found = await unless('CSNI203', kube.get(NAMESPACE, namespace))
  return found === undefined ? undefined : (found.metadata.labels ?? {})
}

/** The location of most control planes: its configuration can be requested before any is found. */
const USUAL = { namespace: 'istio-system', revision: 'default' }

function isUsual({ namespace, revision }: Pick<Istiod, 'namespace' | 'revision'>): boolean {
  return namespace === USUAL.namespace && revision === USUAL.revision
}

/** Reads the mesh configuration (YAML) of the usual control plane; undefined if missing or without permission. */
export function usualMeshConfig(kube: Kube): Promise<string | undefined> {
  return meshConfig(kube, USUAL)
}

/** Key `mesh` of the ConfigMap `istio` or `istio-<revision>` (istio/istio manifests/charts/istio-control). */
async function meshConfig(
  kube: Kube,
  { namespace, revision }: Pick<Istiod, 'namespace' | 'revision'>,
): Promise<string | undefined> {
  const name = revision === 'default' ? 'istio' : `istio-${revision}`
  const found = await unless('CSNI203', kube.get<KubeObject & Pick<V1ConfigMap, 'data'>>(CONFIG_MAP, name, namespace))
  return found?.data?.['mesh']
}

async function discoverySelectors(config: string | undefined): Promise<LabelSelector[]> {
  const selectors = await fieldOf(config, 'discoverySelectors')
  return Array.isArray(selectors) ? (selectors as LabelSelector[]) : []
}

/**
 * Returns the namespaces to which the gateway's control planes export a VirtualService without `exportTo`
 * (meshConfig.defaultVirtualServiceExportTo); undefined for Istio's default, all, or if it cannot be read.
 */
export async function defaultExportTo(
  kube: Kube,
  mesh: Mesh,
  gateway: IngressGateway,
  usual?: Promise<string | undefined>,
): Promise<string[] | undefined> {
  const istiods = gateway.pods.some(({ foreign }) => foreign) ? [] : controlPlanesOf(gateway, mesh)
  const fields = await Promise.all(
    istiods.map(async (istiod) => {
      const config = await (isUsual(istiod) && usual !== undefined ? usual : meshConfig(kube, istiod))
      return fieldOf(config, 'defaultVirtualServiceExportTo')
    }),
  )
  // with several control planes, an object exported by one of them may apply
  const lists = fields.flatMap((field) => (Array.isArray(field) && field.length > 0 ? [field.map(String)] : []))
  return lists.length === 0 || lists.length < istiods.length ? undefined : lists.flat()
}

async function fieldOf(config: string | undefined, name: string): Promise<unknown> {
  if (config?.includes(name) !== true) return undefined
  const { parse } = await import('yaml')
  return ((parse(config) ?? {}) as Record<string, unknown>)[name]
}

function ignored(gateway: IngressGateway, why: string, namespace?: string): CassSniError {
  return new CassSniError('CSNI506', `service/${gateway.service} in namespace ${gateway.namespace} ${why}`, {
    object: `service/${gateway.service} in namespace ${gateway.namespace}`,
    next:
      namespace === undefined
        ? [
            hint(`choose a gateway other than ${nameOf(gateway)} with --gateway`),
            command`kubectl get services -A -l istio`,
          ]
        : [command`kubectl get namespace ${namespace} --show-labels`],
  })
}
