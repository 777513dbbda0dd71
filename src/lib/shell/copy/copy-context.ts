/** What a COPY works with. */
import type { CqlSession } from '../../connection/cql-session.ts'

export interface CopyContext {
  session: CqlSession
  /** As in CQL, "LOCAL_QUORUM". */
  consistency: string
  /** Rows that go to STDOUT; resolves when more can be taken. Undefined when results are one document. */
  write?: ((text: string) => Promise<void>) | undefined
  /** The result, when it is there. */
  answer(text: string): Promise<void>
  /** Progress, and rows that failed. */
  note(text: string): void
  /** Notes are shown on a terminal. */
  terminal: boolean
  /** The rows of STDIN are typed, without progress between them. */
  typed?: boolean | undefined
  /** Text of STDIN; undefined when it cannot be read, because statements come from there. */
  stdin?: ((signal: AbortSignal) => AsyncIterable<string>) | undefined
  signal: AbortSignal
}
