/** Which Istio serves which TLSRoute. Pure. */
import type { ResourceType } from '../cluster/kube.ts'
import { again, CassSniError, command, hint } from '../errors.ts'
import type { Istiod, Mesh } from './mesh.ts'

/** `spec.controllerName` of the GatewayClass of Istio (istio/istio pilot/pkg/features/pilot.go). */
export const ISTIO_CONTROLLER = 'istio.io/gateway-controller'

const OBJECT = 'customresourcedefinition.apiextensions.k8s.io/tlsroutes.gateway.networking.k8s.io'

/** The standard channel of the oldest bundle with TLSRoute v1. */
const BUNDLE = 'https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.5.1/standard-install.yaml'

/** The CSNI509 error for a cluster that does not serve TLSRoute, whatever implements the API. */
export function noTlsRoutes(): CassSniError {
  return unsupported('Gateway API 1.5 or later is not installed: the API server does not serve TLSRoute', true)
}

/**
 * Returns CSNI509 if no istiod serves TLSRoutes of this version. Istio 1.30 and later read v1 only (bundle 1.5 or
 * later: istio/istio pilot/pkg/config/kube/gatewayapi/minimumversions.go). Earlier ones read v1alpha2, of bundle 1.4.1
 * at the latest (pkg/kube/kclient/crdwatcher.go), and only with PILOT_ENABLE_ALPHA_GATEWAY_API. An istiod of unknown
 * version is not refused.
 */
export function unsupportedByIstio(
  { istiods }: Pick<Mesh, 'istiods'>,
  { version }: Pick<ResourceType, 'version'>,
): CassSniError | undefined {
  const faults = istiods.map((istiod) => faultOf(istiod, version))
  return faults.includes(undefined) ? undefined : faults[0]
}

function faultOf(istiod: Istiod, version: string): CassSniError | undefined {
  const [major = 0, minor = 0] = (istiod.version ?? '').split('.').map(Number)
  if (istiod.version === undefined || Number.isNaN(minor)) return undefined
  const readsV1 = major > 1 || minor >= 30
  const named = `Istio ${istiod.version} (istiod ${istiod.namespace}/${istiod.deployment})`
  if (readsV1)
    return version === 'v1'
      ? undefined
      : unsupported(`${named} ignores TLSRoute ${version}: Gateway API 1.5 or later is required`, true)
  if (version === 'v1')
    return unsupported(`${named} ignores Gateway API 1.5 and later: TLSRoute v1 requires Istio 1.30`, false)
  if (istiod.alphaGatewayApi === true) return undefined
  return unsupported(`${named} ignores TLSRoute ${version}: PILOT_ENABLE_ALPHA_GATEWAY_API is not set`, false, [
    command`kubectl -n ${istiod.namespace} set env deployment/${istiod.deployment} PILOT_ENABLE_ALPHA_GATEWAY_API=true`,
  ])
}

function unsupported(message: string, newer: boolean, more: CassSniError['next'] = []): CassSniError {
  return new CassSniError('CSNI509', message, {
    object: OBJECT,
    next: [
      hint("alternatively, use Istio's own API"),
      again`--api istio`,
      ...(newer ? [hint('to install the Gateway API:'), command`kubectl apply --server-side -f ${BUNDLE}`] : []),
      ...more,
    ],
  })
}
