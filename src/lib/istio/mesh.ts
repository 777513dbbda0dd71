/** The model of Istio for the rest of the program. `observe-mesh.ts` fills it. */
import type { KubeObject } from '../cluster/kube.ts'
import type { CassSniError } from '../errors.ts'

/** One istiod: a control plane of one revision. */
export interface Istiod {
  namespace: string
  deployment: string
  /** "default" if the label is not set. */
  revision: string
  /** From the image tag or the version label; undefined if neither is set. */
  version?: string | undefined
  ready: boolean
  /** PILOT_SCOPE_GATEWAY_TO_NAMESPACE: Gateways are used only in the namespace of the gateway pods. */
  gatewaysScopedToNamespace?: boolean | undefined
  /** PILOT_ENABLE_ALPHA_GATEWAY_API: before 1.30, TLSRoutes are read only with it. */
  alphaGatewayApi?: boolean | undefined
}

/** An alias of a revision in the label istio.io/rev; the tag "default" also serves istio-injection=enabled. */
export interface RevisionTag {
  tag: string
  revision: string
}

export interface ServicePort {
  name?: string | undefined
  port: number
  targetPort?: number | string | undefined
  protocol?: string | undefined
  nodePort?: number | undefined
}

/** An ingress gateway: gateway pods and the Service in front of them. */
export interface IngressGateway {
  namespace: string
  /** Name of the Service. */
  service: string
  serviceType: string
  ports: ServicePort[]
  /** Load balancer addresses (IPs or host names), then external IPs. Empty if not assigned yet. */
  addresses: string[]
  /** Labels by which an Istio Gateway selects these pods, e.g. {istio: "ingressgateway"}. */
  selector: Record<string, string>
  pods: GatewayPod[]
  /** Created by istiod for a Gateway of the Kubernetes Gateway API: used only if requested by name. */
  managed?: boolean | undefined
  /** "namespace/name" of the Gateway resource, for routes of the Gateway API. */
  resource?: string | undefined
  /** The live Service. */
  object?: KubeObject | undefined
}

export interface GatewayPod {
  name: string
  namespace: string
  ready: boolean
  terminating: boolean
  address?: string | undefined
  labels?: Record<string, string> | undefined
  /** Not an Envoy of Istio: what it has loaded cannot be read. */
  foreign?: true | undefined
  /** Container ports by name. */
  namedPorts?: Record<string, number> | undefined
}

/** One filter chain of an Envoy listener: routes these server names (none: any) to this cluster. */
export interface LoadedRoute {
  serverNames: string[]
  /** Envoy's name for the upstream: outbound|9042||<host>. */
  cluster: string
}

export interface Mesh {
  /**
   * Set if a cluster-wide list was denied: objects not found may exist elsewhere. The error of the namespace in which
   * the gateway is most likely, if listing is denied there too.
   */
  refused?: CassSniError | undefined
  istiods: Istiod[]
  gateways: IngressGateway[]
  /** All known pods that run Envoy as any kind of gateway. */
  routers?: GatewayPod[] | undefined
  /** Only if requested: see `observeMesh`. */
  revisionTags?: RevisionTag[] | undefined
  /** networking.istio.io version to write: the first served of v1, v1beta1, v1alpha3. Undefined: not served. */
  networkingVersion?: string | undefined
  /** security.istio.io version to write. */
  securityVersion?: string | undefined
}
