/** Ctrl-C at the terminal while a statement runs. */
import { asCassSniError, CassSniError } from '../errors.ts'

/** CSNI902 for a statement that cannot be stopped in Cassandra. */
export class CanceledStatement extends CassSniError {
  constructor() {
    super('CSNI902', 'canceled; the statement may still be running')
  }
}

/** The message of an error, for a command that reports itself how far it came before it was canceled. */
export function canceledText(reason: unknown): string {
  return reason instanceof CanceledStatement ? 'canceled' : asCassSniError(reason).message
}
