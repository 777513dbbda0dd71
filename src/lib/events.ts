/**
 * Events that a workflow emits while it runs, independent of a terminal: `output/progress.ts` displays them, tests
 * record them. This file and errors.ts are the only ones that every layer may import.
 */

export type Action = 'created' | 'configured' | 'unchanged' | 'pruned' | 'conflict'

/** A change for output. Never has a Secret's value. */
export interface ChangeRecord {
  action: Action
  /** In kubectl's form: "service/x", "gateway.networking.istio.io/y". */
  object: string
  namespace?: string | undefined
  dryRun?: boolean | undefined
  /** Paths of the fields that differ. */
  fields?: string[] | undefined
  /** The same fields with their values; "(secret)" for secrets. */
  changes?: FieldRecord[] | undefined
  reason?: string | undefined
}

/** One field that differs. */
export interface FieldRecord {
  path: string
  /** Absent if the field is new. */
  from?: unknown
  /** Absent if the field is removed. */
  to?: unknown
}

export type StepState = 'started' | 'done' | 'skipped' | 'failed'

export type WorkflowEvent =
  /** A step started or ended. `id` is stable, `note` is what was found or done ("3 ready"). */
  | { type: 'step'; id: string; title: string; state: StepState; note?: string | undefined }
  /** What a running step is waiting for, such as a line per pod. Replaces the previous lines. */
  | { type: 'waiting'; id: string; lines: string[] }
  /** An object was (or in a dry run would be) changed. */
  | { type: 'change'; change: ChangeRecord }
  | { type: 'warning'; message: string; code?: string }

export type Emit = (event: WorkflowEvent) => void

/** A prompt. Requires an `Ask`, which exists only on a terminal and without --yes. */
export type Question =
  | {
      kind: 'choose'
      name: string
      flag: string
      message: string
      choices: { value: string; label: string; hint?: string }[]
      initial?: string
    }
  | {
      kind: 'text'
      name: string
      flag: string
      message: string
      initial?: string
      validate?: (text: string) => string | undefined
    }
  /** `details` are shown above the prompt, a line each. */
  | { kind: 'confirm'; name: string; flag: string; message: string; details?: string[]; initial: boolean }

/** Prompts the user. Resolves to the chosen value, the text, or 'yes' / 'no'; rejects with CSNI902 on Ctrl-C. */
export type Ask = (question: Question) => Promise<string>
