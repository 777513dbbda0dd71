/** The rendering of a workflow's steps, live or plain. */
import type { StepState, WorkflowEvent } from '../events.ts'
import type { Palette, Symbols } from './color.ts'
import { printableLine } from '../text/untrusted.ts'

export type ProgressEvent = Extract<WorkflowEvent, { type: 'step' | 'waiting' }>

export interface Progress {
  /** True while a list controls the terminal: nothing else can be written then. */
  readonly live: boolean
  show(event: ProgressEvent): void
  /** Removes the list from the screen while something else is written, such as a prompt. */
  pause(): Promise<void>
  resume(): void
  /** No more events. Steps that are still running end as the work did. */
  end(how: Ending): Promise<void>
}

/** How the work ended; 'skipped' after Ctrl-C or a time limit, which is not a failure of the step. */
export type Ending = Exclude<StepState, 'started'>

/** The note of such a step. */
export const CUT_SHORT = 'interrupted'

/** Where and how to render steps. */
export interface ProgressOptions {
  stream: NodeJS.WriteStream
  paint: Palette
  symbols: Symbols
}

/** Returns the text of a step's line. */
export function stepText({ title, note }: { title: string; note?: string | undefined }): string {
  return note ? `${printableLine(title)}: ${printableLine(note)}` : printableLine(title)
}
