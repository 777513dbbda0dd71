/** The routing backends. */
import type { KubeObject } from '../../cluster/kube.ts'
import { againWithout, CassSniError } from '../../errors.ts'
import { type Backend, DEFAULT_BACKEND, type RouteApi, type RouteBackend, type RouteMode } from './backend.ts'
import { NODE_SERVICES } from './node-services.ts'
import { PLAIN_TCP } from './plain-tcp.ts'
import { POD_SUBSETS } from './pod-subsets.ts'
import { SERVICE_ENTRIES } from './service-entries.ts'
import { TLS_ROUTES } from './tls-routes.ts'

/** NODE_SERVICES last: it takes what no other backend recognizes as its own. */
const BACKENDS: readonly Backend[] = [PLAIN_TCP, TLS_ROUTES, POD_SUBSETS, SERVICE_ENTRIES, NODE_SERVICES]

/** Returns the backend for a mode and an API. Throws CSNI101 if the API does not have the mode or the backend. */
export function backendOf(mode: RouteMode, api: RouteApi = 'istio', backend: RouteBackend = DEFAULT_BACKEND): Backend {
  const possible = BACKENDS.filter((each) => each.mode === mode && each.api === api)
  const found = possible.find((each) => each.backend === backend)
  if (found !== undefined) return found
  const [flag, value] = possible.length === 0 ? (['mode', mode] as const) : (['backend', backend] as const)
  const where = possible.length === 0 || mode === 'sni' ? `--api ${api}` : `--mode ${mode}`
  throw new CassSniError('CSNI101', `--${flag} ${value} is not available with ${where}`, {
    next: [againWithout(flag)],
  })
}

/** Returns the backend that created our VirtualService. */
export function backendThatMade(virtualService: KubeObject): Backend {
  return BACKENDS.find((backend) => backend.made(virtualService)) ?? NODE_SERVICES
}
