/**
 * Detects listeners on our port with another protocol, or that take precedence for one of our server names. Pure. A
 * connection belongs to the listener with the most specific hostname; of two with the same hostname, those of the
 * Gateway precede those of its ListenerSets (kubernetes-sigs/gateway-api apis/v1/gateway_types.go, Listener, and
 * geps/gep-1713).
 */
import { again } from '../errors.ts'
import { type SharedListener, sharedListeners } from './attached-routes.ts'
import { type Conflict, type ConflictScope, edits, freePort, objectOf } from './conflict.ts'

/** Returns the conflicts with listeners on our port that the pods of our gateway serve. */
export function listenerConflicts(scope: ConflictScope): Conflict[] {
  const { target, port } = scope
  return sharedListeners(scope).flatMap(({ parent, listener }): Conflict[] => {
    const { namespace = '', name } = parent.metadata
    if (
      target !== undefined &&
      listener.name === target.listener &&
      name === target.name &&
      namespace === target.namespace
    )
      return []
    if (!SHARING.has(listener.protocol)) return [protocolConflict({ parent, listener }, scope)]
    const hostname = listener.hostname?.toLowerCase() ?? ''
    // Istio's own API uses the exact name; without a hostname, the listener of the Gateway itself takes precedence
    if (target === undefined || hostname === '') return []
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

/** Protocols that share a port: those with a server name, and UDP. */
const SHARING = new Set(['TLS', 'HTTPS', 'UDP'])

/** A port has one protocol (kubernetes-sigs/gateway-api apis/v1/gateway_types.go, ListenerReasonProtocolConflict). */
function protocolConflict({ parent, listener }: SharedListener, scope: ConflictScope): Conflict {
  const { namespace = '', name } = parent.metadata
  return {
    code: 'CSNI503',
    message:
      `port ${scope.port} of the gateway is in use: listener ${listener.name} of ${parent.kind} ${name} in namespace ` +
      `${namespace} uses protocol ${listener.protocol}`,
    object: objectOf(parent),
    next: [again`--port ${freePort(scope)}`, ...edits(parent, `or change its port ${scope.port}`)],
  }
}

/** Whether a hostname, or a wildcard for one or more labels, matches the name. */
function isMatch(hostname: string, name: string): boolean {
  return hostname.startsWith('*.') ? name.endsWith(hostname.slice(1)) : hostname === name
}
