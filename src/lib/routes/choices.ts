/** The choices recorded in our route objects, which are the defaults from then on. Pure. */
import type { KubeObject } from '../cluster/kube.ts'
import { CLUSTER_DOMAIN_ANNOTATION, GATEWAY_ANNOTATION } from '../text/own-keys.ts'
import { backendThatMade } from './backends/backend-of.ts'
import type { RouteMode } from './backends/backend.ts'
import { destinationHosts, selectorOf, serversOf } from './live-routes.ts'

export interface Choices {
  /** "namespace/service". */
  gateway?: string | undefined
  /** The selector of our Gateway: the only record if version 0.1 created it. */
  selector?: Record<string, string> | undefined
  port?: number | undefined
  mode?: RouteMode | undefined
  clusterDomain?: string | undefined
}

/** Reads the choices from a datacenter's Gateway and VirtualServices. */
export function choicesFrom(gateway: KubeObject | undefined, [virtualService]: readonly KubeObject[]): Choices {
  const annotations = gateway?.metadata.annotations ?? {}
  return {
    gateway: annotations[GATEWAY_ANNOTATION],
    selector: gateway === undefined ? undefined : selectorOf(gateway),
    port: gateway === undefined ? undefined : serversOf(gateway)[0]?.port,
    mode: virtualService === undefined ? undefined : backendThatMade(virtualService).mode,
    clusterDomain:
      annotations[CLUSTER_DOMAIN_ANNOTATION] ?? (virtualService === undefined ? undefined : domainOf(virtualService)),
  }
}

/** The cluster domain in the destination hosts: <service>.<namespace>.svc.<domain>. */
function domainOf(virtualService: KubeObject): string | undefined {
  const host = destinationHosts(virtualService)[0]
  return host === undefined ? undefined : /^[^.]+\.[^.]+\.svc\.(.+)$/.exec(host)?.[1]
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
