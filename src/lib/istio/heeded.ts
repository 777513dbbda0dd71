/** Whether Istio would heed a Gateway of a namespace at a gateway at all. It says nothing when it does not. */
import type { V1ConfigMap } from '@kubernetes/client-node'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { CONFIG_MAP, NAMESPACE } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { nameOf } from './gateways.ts'
import type { IngressGateway, Istiod, Mesh } from './mesh.ts'

/** `labels` as Kubernetes' LabelSelector, matchLabels and matchExpressions. */
interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

/**
 * Throws CSNI506 when the gateway's control plane ignores the Gateways of the namespace:
 * - the gateway was made for the Gateway API, and Istio merges an Istio Gateway of another namespace into such a one no
 *   more
 *   (PILOT_ENABLE_STRICT_GATEWAY_MERGING, on since 1.31);
 * - PILOT_SCOPE_GATEWAY_TO_NAMESPACE (pilot/pkg/features/pilot.go);
 * - meshConfig.discoverySelectors leave the namespace out: then istiod sees none of its objects.
 * What cannot be read is not taken for a fault. `usual` is the configuration of the usual control plane where it is
 * being read already: see `usualMeshConfig`.
 */
export async function refuseUnheeded(
  kube: Kube,
  mesh: Mesh,
  gateway: IngressGateway,
  namespace: string,
  usual?: Promise<string | undefined>,
): Promise<void> {
  if (gateway.managed === true && gateway.namespace !== namespace) {
    throw unheeded(
      gateway,
      'was made for a Gateway of the Kubernetes Gateway API, and Istio ignores an Istio Gateway of another ' +
        `namespace (${namespace}) there`,
    )
  }
  const istiods = controlPlanesOf(gateway, mesh)
  const scoped = istiods.find((istiod) => istiod.gatewaysScopedToNamespace === true)
  if (
    scoped !== undefined &&
    gateway.namespace !== namespace &&
    istiods.every((each) => each.gatewaysScopedToNamespace)
  ) {
    throw unheeded(
      gateway,
      `heeds only the Gateways of its own namespace: istiod ${scoped.namespace}/${scoped.deployment} runs with ` +
        'PILOT_SCOPE_GATEWAY_TO_NAMESPACE',
    )
  }
  const selectors = await Promise.all(
    istiods.map(async (istiod) =>
      discoverySelectors(await (isUsual(istiod) && usual !== undefined ? usual : meshConfig(kube, istiod))),
    ),
  )
  const [first] = istiods
  // whoever has none sees every namespace
  if (first === undefined || selectors.some(({ length }) => length === 0)) return
  const labels = await namespaceLabels(kube, namespace)
  if (labels === undefined || selectors.flat().some((selector) => matches(selector, labels))) return
  throw unheeded(
    gateway,
    `is led by istiod ${first.namespace}/${first.deployment}, whose meshConfig.discoverySelectors leave out ` +
      `namespace ${namespace}`,
    namespace,
  )
}

/** Those of the gateway's revision, all where that is not to be told. */
function controlPlanesOf(gateway: IngressGateway, { istiods }: Mesh): Istiod[] {
  const revision = gateway.pods[0]?.labels?.['istio.io/rev']
  const own = istiods.filter((istiod) => istiod.revision === revision)
  return own.length > 0 ? own : istiods
}

async function namespaceLabels(kube: Kube, namespace: string): Promise<Record<string, string> | undefined> {
  const found = await unless('CSNI203', kube.get(NAMESPACE, namespace))
  return found === undefined ? undefined : (found.metadata.labels ?? {})
}

/** Where most control planes are: its configuration can be asked for before any is found. */
const USUAL = { namespace: 'istio-system', revision: 'default' }

function isUsual({ namespace, revision }: Pick<Istiod, 'namespace' | 'revision'>): boolean {
  return namespace === USUAL.namespace && revision === USUAL.revision
}

/** The mesh configuration of the usual control plane, YAML; undefined where there is none or it may not be read. */
export function usualMeshConfig(kube: Kube): Promise<string | undefined> {
  return meshConfig(kube, USUAL)
}

/** Of the ConfigMap `istio` or `istio-<revision>`, key `mesh` (istio/istio manifests/charts/istio-control). */
async function meshConfig(
  kube: Kube,
  { namespace, revision }: Pick<Istiod, 'namespace' | 'revision'>,
): Promise<string | undefined> {
  const name = revision === 'default' ? 'istio' : `istio-${revision}`
  const found = await unless('CSNI203', kube.get<KubeObject & Pick<V1ConfigMap, 'data'>>(CONFIG_MAP, name, namespace))
  return found?.data?.['mesh']
}

async function discoverySelectors(config: string | undefined): Promise<LabelSelector[]> {
  if (config?.includes('discoverySelectors') !== true) return []
  const { parse } = await import('yaml')
  const { discoverySelectors: selectors } = (parse(config) ?? {}) as { discoverySelectors?: LabelSelector[] }
  return Array.isArray(selectors) ? selectors : []
}

function matches({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Record<string, string>): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const among = value !== undefined && values.includes(value)
      return operator === 'In' ? among : !among
    })
  )
}

function unheeded(gateway: IngressGateway, why: string, namespace?: string): CassSniError {
  return new CassSniError('CSNI506', `service/${gateway.service} in namespace ${gateway.namespace} ${why}`, {
    object: `service/${gateway.service} in namespace ${gateway.namespace}`,
    next:
      namespace === undefined
        ? [
            hint(`name another gateway than ${nameOf(gateway)} with --gateway`),
            command`kubectl get services -A -l istio`,
          ]
        : [command`kubectl get namespace ${namespace} --show-labels`],
  })
}
