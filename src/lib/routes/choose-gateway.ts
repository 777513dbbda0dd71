/** Selects the gateway for the routes, in the requested API or in that of the existing routes. */
import { isManaged } from '../changes/ownership.ts'
import type { Kube } from '../cluster/kube.ts'
import { again, CassSniError } from '../errors.ts'
import { findTarget } from '../gateway-api/find-target.ts'
import { networkingTypes } from '../istio/api.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { ISTIO_CONTROLLER, noTlsRoutes, unsupportedByIstio } from '../istio/gateway-api-support.ts'
import { gatewayOfResource } from '../istio/gateway-service.ts'
import type { RouteApi } from './backends/backend.ts'
import { type Choices, DEFAULT_GATEWAY_PORT } from './choices.ts'
import type { Observation } from './observation.ts'
import { routeNames } from './sni-names.ts'

export interface GatewayChoice {
  /** Default: that of the existing routes, otherwise Istio's. */
  api?: RouteApi | undefined
  /**
   * "namespace/service" or "service", with API `gateway` "namespace/name" of the Gateway resource; default: the gateway
   * of the existing routes, otherwise the only one.
   */
  gateway?: string | undefined
  /** For API `gateway`: the GatewayClass of a separate Gateway. */
  gatewayClass?: string | undefined
  /** For API `gateway`: the port that the Gateway must have; default: that of the existing routes, otherwise 9042. */
  port?: number | undefined
}

/**
 * Throws the errors of `findGateway` and `findTarget`, CSNI501 without Istio, CSNI509 if the Gateway API is missing or
 * not supported.
 */
export async function chooseGatewayFor(
  kube: Kube,
  { datacenter, mesh, gatewayApi }: Pick<Observation, 'datacenter' | 'mesh' | 'gatewayApi'>,
  choices: Choices,
  { api = choices.api ?? 'istio', gateway: wanted, gatewayClass, port }: GatewayChoice,
): Promise<Pick<Observation, 'api' | 'gateway' | 'target'>> {
  const remembered = choices.api === api ? choices : {}
  if (api === 'istio') {
    if (gatewayClass !== undefined)
      throw new CassSniError('CSNI101', '--gateway-class requires --api gateway', { next: [again`--api gateway`] })
    networkingTypes(mesh)
    return { api, gateway: await findGateway(kube, mesh, { wanted, remembered }) }
  }
  const { tlsRoute } = gatewayApi
  if (tlsRoute === undefined) throw noTlsRoutes()
  const { target, controller } = await findTarget(kube, gatewayApi, {
    gateway: wanted ?? (gatewayClass === undefined ? remembered.gateway : undefined),
    className: gatewayClass ?? (wanted === undefined ? remembered.gatewayClass : undefined),
    port: port ?? choices.port ?? DEFAULT_GATEWAY_PORT,
    namespace: datacenter.namespace,
    ownName: routeNames(datacenter.name).gateway,
    isManaged,
  })
  const unsupported = controller === ISTIO_CONTROLLER ? unsupportedByIstio(mesh, tlsRoute) : undefined
  if (unsupported !== undefined) throw unsupported
  const gateway = await gatewayOfResource(kube, target, target.live)
  return { api, gateway, target: { ...target, type: tlsRoute } }
}
