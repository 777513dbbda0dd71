/** The routing backends. */
import type { KubeObject } from '../../cluster/kube.ts'
import { againWithout, CassSniError } from '../../errors.ts'
import type { Backend, RouteApi, RouteMode } from './backend.ts'
import { NODE_SERVICES } from './node-services.ts'
import { PLAIN_TCP } from './plain-tcp.ts'
import { TLS_ROUTES } from './tls-routes.ts'

const BACKENDS: readonly Backend[] = [NODE_SERVICES, PLAIN_TCP, TLS_ROUTES]

/** Returns the backend for a mode and an API. Throws CSNI101 if the API does not have the mode. */
export function backendOf(mode: RouteMode, api: RouteApi = 'istio'): Backend {
  const backend = BACKENDS.find((each) => each.mode === mode && each.api === api)
  if (backend !== undefined) return backend
  throw new CassSniError('CSNI101', `--mode ${mode} is not available with --api ${api}`, {
    next: [againWithout('mode')],
  })
}

/** Returns the backend that created our VirtualService. */
export function backendThatMade(virtualService: KubeObject): Backend {
  return BACKENDS.find((backend) => backend.made(virtualService)) ?? NODE_SERVICES
}
