/** The routing backends. */
import type { KubeObject } from '../../cluster/kube.ts'
import type { Backend, RouteMode } from './backend.ts'
import { NODE_SERVICES } from './node-services.ts'
import { PLAIN_TCP } from './plain-tcp.ts'

const BACKENDS: Record<RouteMode, Backend> = { sni: NODE_SERVICES, tcp: PLAIN_TCP }

/** Returns the backend for a mode. */
export function backendOf(mode: RouteMode): Backend {
  return BACKENDS[mode]
}

/** Returns the backend that created our VirtualService. */
export function backendThatMade(virtualService: KubeObject): Backend {
  return Object.values(BACKENDS).find((backend) => backend.made(virtualService)) ?? NODE_SERVICES
}
