/** What every workflow is given besides its own options. */
import type { Kube } from '../cluster/kube.ts'
import type { Ask, Emit } from '../events.ts'

export interface WorkflowContext {
  kube: Kube
  /** Aborted by Ctrl-C (reason: CSNI902) or by --timeout (reason: CSNI901). */
  signal: AbortSignal
  emit: Emit
  /** Undefined when nobody can be asked: off a terminal, or with --yes. */
  ask?: Ask | undefined
  /** Compute and show everything, write nothing. */
  dryRun: boolean
  /** Milliseconds since the epoch. */
  now: () => number
}
