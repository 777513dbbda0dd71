/** Everything that the routes depend on. `gather.ts` reads it, `route-plan.ts` plans from it. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { Listed } from '../changes/change-plan.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import type { CassSniError } from '../errors.ts'
import type { GatewayApi } from '../gateway-api/observe-gateway-api.ts'
import type { IngressGateway, Mesh } from '../istio/mesh.ts'
import type { ApiTarget, RouteApi } from './backends/backend.ts'

export interface Observation {
  datacenter: Datacenter
  mesh: Mesh
  /** The API of the routes: the requested one, that of the live routes, or Istio's. */
  api: RouteApi
  /** The selected ingress gateway. */
  gateway: IngressGateway
  /** For API `gateway`: the selected Gateway resource. */
  target?: ApiTarget | undefined
  /** The Istio gateway of the live routes, if it differs and still exists. */
  previous?: IngressGateway | undefined
  /** Istio's types, in the version to write. */
  types: { gateway: ResourceType; virtualService: ResourceType }
  /** All visible ones, including ours. */
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  /** Where VirtualServices without `exportTo` apply, if the mesh configuration limits it. */
  defaultExportTo?: readonly string[] | undefined
  /** The objects of the Kubernetes Gateway API, including ours. */
  gatewayApi: GatewayApi
  /** All visible ones. */
  authorizationPolicies: KubeObject[]
  /** Why AuthorizationPolicies that apply to the gateway may be missing; undefined if all were listed. */
  hiddenPolicies?: CassSniError | undefined
  /** Our objects of kinds that only some backends create, in the datacenter's namespace: see `BACKEND_LABEL`. */
  backendObjects: readonly Listed[]
  /** All Services in the datacenter's namespace. */
  services: KubeObject[]
  /** Why Gateways and VirtualServices of other namespaces may be missing; undefined if all were listed. */
  hidden?: CassSniError | undefined
}
