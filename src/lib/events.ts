/**
 * What a workflow tells while it runs. It knows no terminal: `output/progress.ts` shows these, tests record them.
 * This file and errors.ts are the only ones that every layer may import.
 */

export type Action = 'created' | 'configured' | 'unchanged' | 'pruned' | 'conflict'

/** A change as it is shown and serialized: never holds a Secret's value. */
export interface ChangeRecord {
  action: Action
  /** As kubectl names it: "service/x", "gateway.networking.istio.io/y". */
  object: string
  namespace?: string | undefined
  dryRun?: boolean | undefined
  /** Paths of the fields that differ. */
  fields?: string[] | undefined
  /** The same fields with their values; a secret is shown as "(secret)". */
  changes?: FieldRecord[] | undefined
  reason?: string | undefined
}

/** One field that differs. */
export interface FieldRecord {
  path: string
  /** Absent when the field is new. */
  from?: unknown
  /** Absent when the field is taken away. */
  to?: unknown
}

export type StepState = 'started' | 'done' | 'skipped' | 'failed'

export type WorkflowEvent =
  /** A step of the work begins or ends. `id` is stable, `note` says what was found or done ("already there"). */
  | { type: 'step'; id: string; title: string; state: StepState; note?: string | undefined }
  /** What a running step waits for, replaced as a whole each time: one line per pod, for instance. */
  | { type: 'waiting'; id: string; lines: string[] }
  /** An object was (or in a dry run would be) changed. */
  | { type: 'change'; change: ChangeRecord }
  | { type: 'warning'; message: string; code?: string }

export type Emit = (event: WorkflowEvent) => void

/** A question of a workflow to its user. Only asked when an `Ask` is given, that is on a terminal without --yes. */
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
  /** `details` are shown above the question, a line each. */
  | { kind: 'confirm'; name: string; flag: string; message: string; details?: string[]; initial: boolean }

/** Puts a question to the user: the chosen value, the text, or 'yes' / 'no'. Rejects with CSNI902 on Ctrl-C. */
export type Ask = (question: Question) => Promise<string>
