/**
 * Events of a running workflow, independent of any terminal: `output/progress.ts` renders them, tests record them.
 * Every layer may import this file; it imports only types of errors.ts.
 */
import type { NextStep } from './errors.ts'

export type Action = 'created' | 'configured' | 'unchanged' | 'pruned' | 'conflict'

/** A change as it is printed and serialized: never contains a Secret's value. */
export interface ChangeRecord {
  action: Action
  /** In kubectl's form: "service/x", "gateway.networking.istio.io/y". */
  object: string
  namespace?: string | undefined
  dryRun?: boolean | undefined
  /** Paths of the fields that differ. */
  fields?: string[] | undefined
  /** The same fields with their values; "(secret)" in place of a secret. */
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

/** Something that may require attention although the work continues. */
export interface Warning {
  message: string
  code?: string | undefined
  /** What to do next, the best first. */
  next?: NextStep[] | undefined
}

export type StepState = 'started' | 'done' | 'skipped' | 'failed'

export type WorkflowEvent =
  /** A step starts or ends. `id` is stable, `note` is the result ("already installed"). */
  | { type: 'step'; id: string; title: string; state: StepState; note?: string | undefined }
  /** What a running step is waiting for, replaced as a whole each time: one line per pod, for example. */
  | { type: 'waiting'; id: string; lines: string[] }
  /** An object was changed, or would be changed in a dry run. */
  | { type: 'change'; change: ChangeRecord }
  | ({ type: 'warning' } & Warning)

export type Emit = (event: WorkflowEvent) => void

/** A prompt of a workflow. Requires an `Ask`, that is, a terminal and no --yes. */
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
  /** `details` are printed above the prompt, one per line. */
  | { kind: 'confirm'; name: string; flag: string; message: string; details?: string[]; initial: boolean }

/** Prompts the user. Resolves with the chosen value, the text, or 'yes' or 'no'; rejects with CSNI902 on Ctrl-C. */
export type Ask = (question: Question) => Promise<string>
