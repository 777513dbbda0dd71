/** What shows the steps of a workflow, in whatever form. */
import type { StepState, WorkflowEvent } from '../events.ts'
import type { Palette, Symbols } from './color.ts'
import { printableLine } from '../text/untrusted.ts'

export type ProgressEvent = Extract<WorkflowEvent, { type: 'step' | 'waiting' }>

export interface Progress {
  /** True when the terminal belongs to the list while a step runs: nothing else may be written then. */
  readonly live: boolean
  show(event: ProgressEvent): void
  /** Takes the list from the screen for as long as something else is written, a prompt for instance. */
  pause(): Promise<void>
  resume(): void
  /** No more events. A step that still runs was left when the work ended, and ended as the work did. */
  end(how: Ending): Promise<void>
}

/** How the work ended; 'skipped' when Ctrl-C or a time limit cut it short: then nothing is known to be wrong. */
export type Ending = Exclude<StepState, 'started'>

/** What a step's line says then. */
export const CUT_SHORT = 'interrupted'

/** Where to show them, and how. */
export interface Means {
  stream: NodeJS.WriteStream
  paint: Palette
  symbols: Symbols
}

/** The text of a step's line. */
export function stepText({ title, note }: { title: string; note?: string | undefined }): string {
  return note ? `${printableLine(title)}: ${printableLine(note)}` : printableLine(title)
}
