/** What shows the steps of a workflow, in whatever form. */
import type { WorkflowEvent } from '../events.ts'
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
  /** No more events. A step that still runs has failed, or was left when the work ended. */
  end(failed: boolean): Promise<void>
}

/** Where to show them, and how. */
export interface Means {
  stream: NodeJS.WriteStream
  paint: Palette
  symbols: Symbols
}

/** The text of a step's line. */
export function stepText({ title, note }: { title: string; note?: string }): string {
  return note ? `${printableLine(title)}: ${printableLine(note)}` : printableLine(title)
}
