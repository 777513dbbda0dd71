/** What differs between the desired and the live objects: the vocabulary of this layer. */
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
  /**
   * For `share`: which part of the program puts these fields there; see ownership.ts. What it put there before and does
   * not desire now is let go, what other takers put there stays. Fields that another taker holds with the same value
   * are held for this one too. Undefined: all that we have in this object comes from one place.
   */
  taker?: string | undefined
  /**
   * With a taker: what becomes of the fields that version 0.1 put there for all of the program at once. By default they
   * are let go as soon as others hold every one of them; `keep` leaves them, `release` lets them go at once.
   */
  former?: 'keep' | 'release' | undefined
  /** For `share`: take these fields over from other managers. */
  force?: boolean | undefined
  /** For `share`: the object must exist already; never create it. */
  mustExist?: boolean | undefined
  /**
   * The read that `object` was decided on; `live` is undefined when there was none. It is not read again, and when
   * somebody else writes it before we do, CSNI211 is thrown: decide again (`decideAgain` in apply.ts). Without it
   * `object` depends on nothing that is live, and only the comparison is made again.
   */
  seen?: { live: KubeObject | undefined } | undefined
}

export interface FieldChange {
  /** JSON path, e.g. spec.ports[port=9042]. */
  path: string
  /** Absent when the field is new. Secrets are never held here: "(secret)". */
  before?: unknown
  after?: unknown
}

export interface Change {
  action: Action
  type: ResourceType
  name: string
  namespace?: string | undefined
  /** For created and configured. */
  desired?: Desired | undefined
  live?: KubeObject | undefined
  /** For configured: what differs. Empty when only the hold on fields changes. */
  fields: FieldChange[]
  /** For conflict: who owns the object or the field, and why it is not touched. Else: what is to be said about it. */
  reason?: string | undefined
}

/** All changes of one run, in the order in which they are applied. Prunes come last. */
export interface ChangeSet {
  changes: Change[]
}
