/** What a COPY works with. */
import type { CqlSession } from '../../connection/cql-session.ts'

export interface CopyContext {
  session: CqlSession
  /** As in CQL, "LOCAL_QUORUM". */
  consistency: string
  /** Rows that go to STDOUT; resolves when more can be taken. */
  write(text: string): Promise<void>
  /** The result, when it is there. */
  answer(text: string): Promise<void>
  /** Progress, and rows that failed. */
  note(text: string): void
  /** Notes are shown on a terminal. */
  terminal: boolean
  /** Text of STDIN; undefined when it cannot be read, because statements come from there. */
  stdin?: (() => AsyncIterable<string>) | undefined
  signal: AbortSignal
}
