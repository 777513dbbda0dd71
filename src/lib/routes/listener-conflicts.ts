/**
 * Detects listeners on our port that take precedence for one of our server names. Pure. A connection belongs to the
 * listener with the most specific hostname; of two with the same hostname, those of the Gateway precede those of its
 * ListenerSets (kubernetes-sigs/gateway-api apis/v1/gateway_types.go, Listener, and geps/gep-1713).
 */
import { again } from '../errors.ts'
import { sharedListeners } from './attached-routes.ts'
import { type Conflict, type ConflictScope, edits, freePort, objectOf } from './conflict.ts'

/** Returns the conflicts with listeners of our Gateway resource and its ListenerSets. */
export function listenerConflicts(scope: ConflictScope): Conflict[] {
  const { target, port } = scope
  if (target === undefined) return []
  return sharedListeners(scope).flatMap(({ parent, listener }): Conflict[] => {
    const { namespace = '', name } = parent.metadata
    const isOwn = listener.name === target.listener && name === target.name && namespace === target.namespace
    const hostname = listener.hostname?.toLowerCase() ?? ''
    // without a hostname, the listener of the Gateway itself takes precedence
    if (isOwn || hostname === '') return []
    const taken = scope.serverNames.find((each) => isMatch(hostname, each))
    if (taken === undefined) return []
    return [
      {
        code: 'CSNI504',
        message:
          `listener ${listener.name} of ${parent.kind} ${name} in namespace ${namespace} has hostname ${hostname} on ` +
          `port ${port} and takes precedence for server name ${taken}`,
        object: objectOf(parent),
        next: [again`--port ${freePort(scope)}`, ...edits(parent, 'or change the hostname of the listener')],
      },
    ]
  })
}

/** Whether a hostname, or a wildcard for one or more labels, matches the name. */
function isMatch(hostname: string, name: string): boolean {
  return hostname.startsWith('*.') ? name.endsWith(hostname.slice(1)) : hostname === name
}
