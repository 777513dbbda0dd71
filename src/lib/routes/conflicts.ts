/** All conflicts with objects of others, in the order to report them. Pure. */
import type { Conflict, ConflictScope } from './conflict.ts'
import { gatewayConflicts } from './gateway-conflicts.ts'
import { listenerConflicts } from './listener-conflicts.ts'
import { nameConflicts } from './name-conflicts.ts'
import { policyConflicts } from './policy-conflicts.ts'

export type { Conflict, ConflictScope } from './conflict.ts'
export { needsNarrowHosts } from './gateway-conflicts.ts'

/**
 * Returns the conflicts: ports and Gateways that are not accepted together with ours, routes and listeners that claim
 * one of our server names, policies that deny the port.
 */
export function findConflicts(scope: ConflictScope): Conflict[] {
  return [...gatewayConflicts(scope), ...nameConflicts(scope), ...listenerConflicts(scope), ...policyConflicts(scope)]
}
