/** What was chosen when the routes were made, as our own objects record it: pure. It is the default from then on. */
import type { KubeObject } from '../cluster/kube.ts'
import { CLUSTER_DOMAIN_ANNOTATION, GATEWAY_ANNOTATION } from '../text/own-keys.ts'
import { backendThatMade } from './backends/backend-of.ts'
import type { RouteMode } from './backends/backend.ts'
import { destinationHosts, selectorOf, serversOf } from './live-routes.ts'

export interface Choices {
  /** "namespace/service". */
  gateway?: string | undefined
  /** The labels by which our Gateway selects the gateway's pods: all there is when version 0.1 made it. */
  selector?: Record<string, string> | undefined
  port?: number | undefined
  mode?: RouteMode | undefined
  clusterDomain?: string | undefined
}

/** The choices that our Gateway and VirtualService of a datacenter stand for. */
export function choicesFrom(gateway: KubeObject | undefined, virtualService: KubeObject | undefined): Choices {
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

/** The end of the hosts that it sends to: <service>.<namespace>.svc.<domain>. */
function domainOf(virtualService: KubeObject): string | undefined {
  const host = destinationHosts(virtualService)[0]
  return host === undefined ? undefined : /^[^.]+\.[^.]+\.svc\.(.+)$/.exec(host)?.[1]
}

/** A flag with a value other than the routes have. */
export interface Diverging {
  /** Its name, without the dashes. */
  flag: 'gateway' | 'port' | 'cluster-domain'
  given: string
  used: string
}

/** What a command line says otherwise than the routes that there are. Without routes nothing. */
export function divergingFrom(
  choices: Choices,
  given: { gateway?: string | undefined; port?: number | undefined; clusterDomain?: string | undefined },
): Diverging[] {
  const { gateway, port, clusterDomain } = choices
  const pairs: [flag: Diverging['flag'], used: string | undefined, given: string | undefined][] = [
    // a gateway may be named by its Service alone
    ['gateway', gateway?.endsWith(`/${given.gateway}`) ? given.gateway : gateway, given.gateway],
    ['port', port?.toString(), given.port?.toString()],
    ['cluster-domain', clusterDomain, given.clusterDomain],
  ]
  return pairs.flatMap(([flag, used, said]) =>
    used === undefined || said === undefined || used === said ? [] : [{ flag, used, given: said }],
  )
}
