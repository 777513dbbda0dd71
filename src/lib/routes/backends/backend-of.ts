/** The ways to route that there are. */
import type { KubeObject } from '../../cluster/kube.ts'
import type { Backend, RouteMode } from './backend.ts'
import { NODE_SERVICES } from './node-services.ts'
import { PLAIN_TCP } from './plain-tcp.ts'

const BACKENDS: Record<RouteMode, Backend> = { sni: NODE_SERVICES, tcp: PLAIN_TCP }

export function backendOf(mode: RouteMode): Backend {
  return BACKENDS[mode]
}

/** The way that made a VirtualService of ours. */
export function backendThatMade(virtualService: KubeObject): Backend {
  return Object.values(BACKENDS).find((backend) => backend.made(virtualService)) ?? NODE_SERVICES
}
