/** Detects AuthorizationPolicies that deny clients the port of the gateway. Pure. */
import { hint } from '../errors.ts'
import { deniesTcp } from '../istio/authorization.ts'
import { tcpPort } from '../istio/gateways.ts'
import { type Conflict, type ConflictScope, edits, objectOf } from './conflict.ts'

/**
 * Returns the policies because of which no client can connect. Existing routes are updated nevertheless, so that they
 * are right when the policy is changed.
 */
export function policyConflicts(scope: ConflictScope): Conflict[] {
  const { gateway, mesh, port, authorizationPolicies, routed } = scope
  const target = tcpPort(gateway, port)?.targetPort
  // policies match the port on which Envoy listens
  const listening = typeof target === 'number' ? target : port
  const denials = deniesTcp(authorizationPolicies, {
    gateway,
    rootNamespaces: mesh.istiods.map(({ namespace }) => namespace),
    port: listening,
  })
  return denials.map(({ policy, why }) => ({
    code: 'CSNI512',
    message:
      `AuthorizationPolicy ${policy.metadata.name} in namespace ${policy.metadata.namespace} denies all connections ` +
      `to port ${listening} of gateway ${gateway.service}: ${why}`,
    object: objectOf(policy),
    next: [
      ...edits(policy, 'to allow the port, change its rules'),
      hint(`an ALLOW rule for the port: to: [{operation: {ports: ["${listening}"]}}]`),
    ],
    harmless: routed,
  }))
}
