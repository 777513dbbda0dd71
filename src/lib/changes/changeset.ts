/** Desired objects and their changes: the types of this layer. */
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import type { Action } from '../events.ts'

/** One desired object. `object` has only the fields to own; other live fields are left alone. */
export interface Desired {
  type: ResourceType
  object: KubeObject
  /**
   * own: the whole object is managed by this program (labeled, applied with force, pruned if no longer desired).
   * share: the object has another owner; only these fields are managed (applied without force unless `force`).
   */
  ownership: 'own' | 'share'
  /**
   * For `share`: suffix of the field manager that applies these fields; see ownership.ts. Fields that it applied before
   * and no longer desires are released; those of other suffixes are kept. Fields that another suffix owns with the same
   * value are co-owned. Undefined: use the plain field manager.
   */
  managerSuffix?: string | undefined
  /**
   * With `managerSuffix`: what to do with the fields that version 0.1 applied without a suffix. By default they are
   * released once others own every one of them; `keep` keeps them, `release` releases them immediately.
   */
  former?: 'keep' | 'release' | undefined
  /** For `share`: take these fields over from other managers. */
  force?: boolean | undefined
  /** For `share`: never create the object; it must exist already. */
  mustExist?: boolean | undefined
  /**
   * The live object that `object` was computed from; `live` is undefined if it did not exist. It is not read again. If
   * it is modified before this write, CSNI211 is thrown, and the plan must be made again (`retryOvertaken` in
   * apply.ts). Without `basedOn`, `object` does not depend on live state, and only the comparison is repeated.
   */
  basedOn?: { live: KubeObject | undefined } | undefined
}

export interface FieldChange {
  /** JSON path, e.g. spec.ports[port=9042]. */
  path: string
  /** Absent if the field is new. "(secret)" for secrets. */
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
  /** For configured: the fields that differ. Empty if only field ownership changes. */
  fields: FieldChange[]
  /** For conflict: the owner of the object or field. Otherwise: a remark on the change. */
  reason?: string | undefined
}

/** Changes that do not depend on each other: they are written in parallel. */
export type Stage = readonly Change[]

/** All changes of one run. A stage is applied after the one before it is complete. Prunes come last. */
export interface ChangeSet {
  stages: readonly Stage[]
}
