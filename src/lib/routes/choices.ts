/** The choices recorded in our route objects, which are the defaults from then on. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import {
  ANY_NODE_ANNOTATION,
  BACKEND_LABEL,
  CLUSTER_DOMAIN_ANNOTATION,
  GATEWAY_ANNOTATION,
  GATEWAY_CLASS_ANNOTATION,
  METADATA_NAME_ANNOTATION,
  PORT_ANNOTATION,
  SNI_TEMPLATES_ANNOTATION,
} from '../text/own-keys.ts'
import { type AdditionalNames, NO_ADDITIONAL_NAMES } from './additional-names.ts'
import { backendThatMade } from './backends/backend-of.ts'
import { ROUTE_BACKENDS, type RouteApi, type RouteBackend, type RouteMode } from './backends/backend.ts'
import { destinationsIn, selectorOf, serversOf } from './live-routes.ts'

/** The default port for clients on the gateway, the same as Cassandra's. */
export const DEFAULT_GATEWAY_PORT = 9042

export interface Choices {
  /** The API of the existing routes. */
  api?: RouteApi | undefined
  /** "namespace/service"; for API `gateway` "namespace/name" of the Gateway resource. */
  gateway?: string | undefined
  /** For API `gateway`: the GatewayClass of a separate Gateway. */
  gatewayClass?: string | undefined
  /** The selector of our Gateway: the only record if version 0.1 created it. */
  selector?: Record<string, string> | undefined
  port?: number | undefined
  mode?: RouteMode | undefined
  /** Undefined: the default. */
  backend?: RouteBackend | undefined
  clusterDomain?: string | undefined
  names?: AdditionalNames | undefined
}

/** The live route objects of a datacenter. */
export interface LiveRoutes {
  /** Istio's. */
  gateway?: KubeObject | undefined
  virtualServices?: readonly KubeObject[] | undefined
  tlsRoutes?: readonly KubeObject[] | undefined
}

/**
 * Reads the choices. If a change of the API was interrupted, the objects of both exist: then those of `api` are read,
 * by default Istio's.
 */
export function choicesFrom(live: LiveRoutes, api?: RouteApi): Choices {
  const recorded = [istioChoices(live), gatewayApiChoices(live)].filter((each) => each !== undefined)
  return recorded.find((each) => each.api === api) ?? recorded[0] ?? {}
}

function istioChoices({ gateway, virtualServices: [virtualService] = [] }: LiveRoutes): Choices | undefined {
  if (gateway === undefined && virtualService === undefined) return undefined
  const annotations = gateway?.metadata.annotations ?? {}
  return {
    api: 'istio',
    gateway: annotations[GATEWAY_ANNOTATION],
    selector: gateway === undefined ? undefined : selectorOf(gateway),
    port: gateway === undefined ? undefined : serversOf(gateway)[0]?.port,
    mode: virtualService === undefined ? undefined : backendThatMade(virtualService).mode,
    backend: ROUTE_BACKENDS.find((each) => each === annotations[BACKEND_LABEL]),
    names: {
      sniTemplates: listIn(annotations[SNI_TEMPLATES_ANNOTATION]),
      anyNode: listIn(annotations[ANY_NODE_ANNOTATION]),
      metadata: annotations[METADATA_NAME_ANNOTATION],
    },
    clusterDomain:
      annotations[CLUSTER_DOMAIN_ANNOTATION] ?? (virtualService === undefined ? undefined : domainOf(virtualService)),
  }
}

function listIn(text = ''): string[] {
  return text.split(',').filter((each) => each !== '')
}

function gatewayApiChoices({ tlsRoutes = [] }: LiveRoutes): Choices | undefined {
  const [route] = tlsRoutes
  if (route === undefined) return undefined
  const metadata = tlsRoutes.map((each) => each.metadata.annotations?.[METADATA_NAME_ANNOTATION])
  const { annotations = {} } = route.metadata
  const port = Number(annotations[PORT_ANNOTATION])
  return {
    api: 'gateway',
    gateway: annotations[GATEWAY_ANNOTATION],
    gatewayClass: annotations[GATEWAY_CLASS_ANNOTATION],
    port: Number.isInteger(port) ? port : undefined,
    mode: 'sni',
    names: { ...NO_ADDITIONAL_NAMES, metadata: metadata.find((name) => name !== undefined) },
    clusterDomain: annotations[CLUSTER_DOMAIN_ANNOTATION],
  }
}

/** The cluster domain in the destination hosts: <service>.<namespace>.svc.<domain>. */
function domainOf(virtualService: KubeObject): string | undefined {
  return /^[^.]+\.[^.]+\.svc\.(.+)$/.exec(destinationsIn(virtualService)[0]?.host ?? '')?.[1]
}

/** A flag whose value differs from the existing routes. */
export interface Diverging {
  /** Without dashes. */
  flag: 'gateway' | 'port' | 'cluster-domain'
  given: string
  used: string
}

/** Returns the flags that differ from the existing routes; none without routes. */
export function divergingFrom(
  choices: Choices,
  given: { gateway?: string | undefined; port?: number | undefined; clusterDomain?: string | undefined },
): Diverging[] {
  const { gateway, port, clusterDomain } = choices
  const pairs: [flag: Diverging['flag'], used: string | undefined, given: string | undefined][] = [
    // a gateway may be given as the Service name only
    ['gateway', gateway?.endsWith(`/${given.gateway}`) ? given.gateway : gateway, given.gateway],
    ['port', port?.toString(), given.port?.toString()],
    ['cluster-domain', clusterDomain, given.clusterDomain],
  ]
  return pairs.flatMap(([flag, used, requested]) =>
    used === undefined || requested === undefined || used === requested ? [] : [{ flag, used, given: requested }],
  )
}
