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
