/** What Istio is to the rest of the program: the vocabulary of this layer. `observe-mesh.ts` fills it. */
import type { KubeObject } from '../cluster/kube.ts'
import type { CassSniError } from '../errors.ts'

/** One istiod: a control plane of one revision. */
export interface Istiod {
  namespace: string
  deployment: string
  /** "default" when it has no other. */
  revision: string
  /** From the image tag or the version label; undefined when neither tells. */
  version?: string | undefined
  ready: boolean
  /** PILOT_SCOPE_GATEWAY_TO_NAMESPACE: an Istio Gateway is only heeded in the namespace of the gateway's pods. */
  gatewaysScopedToNamespace?: boolean | undefined
}

/** A name that stands for a revision in the label istio.io/rev; the tag "default" answers istio-injection=enabled. */
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
  /** Addresses of the load balancer, IPs or host names, then external IPs. Empty when there is none (yet). */
  addresses: string[]
  /** Labels that an Istio Gateway selects these pods by, e.g. {istio: "ingressgateway"}. */
  selector: Record<string, string>
  pods: GatewayPod[]
  /** Made by istiod for a Gateway of the Kubernetes Gateway API: taken only when it is named. */
  managed?: boolean | undefined
  /** The Service as it was read. */
  object?: KubeObject | undefined
}

export interface GatewayPod {
  name: string
  namespace: string
  ready: boolean
  terminating: boolean
  address?: string | undefined
  labels?: Record<string, string> | undefined
  /** Ports of its containers by their names. */
  namedPorts?: Record<string, number> | undefined
}

/** What one filter chain of an Envoy listener does: these server names (none: any) go to this cluster. */
export interface LoadedRoute {
  serverNames: string[]
  /** Envoy's name of the upstream: outbound|9042||<host>. */
  cluster: string
}

export interface Mesh {
  /** The first missing right to look across namespaces: what seems not to be there may only be out of sight. */
  refused?: CassSniError | undefined
  istiods: Istiod[]
  gateways: IngressGateway[]
  /** All pods that run Envoy as a gateway of any kind, as far as they were seen. */
  routers?: GatewayPod[] | undefined
  /** Only when asked for: see `observeMesh`. */
  revisionTags?: RevisionTag[] | undefined
  /**
   * networking.istio.io version to write: v1 where served, else v1beta1, else v1alpha3. Undefined: not served at all.
   */
  networkingVersion?: string | undefined
  /** security.istio.io version to write. */
  securityVersion?: string | undefined
}
