/** What the routes depend on: `gather.ts` reads it, `route-plan.ts` decides by it. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import type { CassSniError } from '../errors.ts'
import type { IngressGateway, Mesh } from '../istio/mesh.ts'

export interface Observation {
  datacenter: Datacenter
  mesh: Mesh
  /** The ingress gateway that was chosen now. */
  gateway: IngressGateway
  /** The one that the live routes go through, when it is another one and still there. */
  previous?: IngressGateway | undefined
  /** Istio's kinds in the version to write. */
  types: { gateway: ResourceType; virtualService: ResourceType }
  /** Everything that can be seen, ours among them. */
  gateways: KubeObject[]
  virtualServices: KubeObject[]
  /** All Services of the datacenter's namespace. */
  services: KubeObject[]
  /** Why not all Gateways and VirtualServices could be seen; undefined when they could. */
  hidden?: CassSniError | undefined
}
