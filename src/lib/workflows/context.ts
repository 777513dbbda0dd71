/** Input of every workflow, in addition to its options. */
import type { Kube } from '../cluster/kube.ts'
import type { Ask, Emit } from '../events.ts'

export interface WorkflowContext {
  kube: Kube
  /** Aborted by Ctrl-C (reason: CSNI902) or by --timeout (reason: CSNI901). */
  signal: AbortSignal
  emit: Emit
  /** Undefined without a terminal to prompt on, and with --yes. */
  ask?: Ask | undefined
  /** Plan and report everything, write nothing. */
  dryRun: boolean
  /** Milliseconds since the epoch. */
  now: () => number
}
