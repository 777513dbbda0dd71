/** What differs between the desired and the live objects: the vocabulary of this room. */
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import type { Action } from '../events.ts'

/**
 * One object as it ought to be. `object` holds only the fields that we want to own; whatever is live beyond them is
 * left alone.
 */
export interface Desired {
  type: ResourceType
  object: KubeObject
  /**
   * own: the object is ours as a whole (labelled; applied with force; pruned when no longer desired).
   * share: the object is another's, we own only these fields of it (applied without force unless `force`).
   */
  ownership: 'own' | 'share'
  /** For `share`: take these fields over from other managers. */
  force?: boolean
  /** For `share`: the object must exist already; never create it. */
  mustExist?: boolean
}

export interface FieldChange {
  /** JSON path, e.g. spec.ports[port=9042]. */
  path: string
  /** Absent when the field is new. Values of Secrets are never held here: "(secret)". */
  before?: unknown
  after?: unknown
}

export interface Change {
  action: Action
  type: ResourceType
  name: string
  namespace?: string
  /** For created and configured. */
  desired?: Desired
  live?: KubeObject
  /** For configured: what differs. */
  fields: FieldChange[]
  /** For conflict: who owns the object or the field, and why it is not touched. */
  reason?: string
}

/** All changes of one run, in the order in which they are applied. Prunes come last. */
export interface ChangeSet {
  changes: Change[]
}
