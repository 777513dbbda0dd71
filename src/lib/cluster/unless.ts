/** An answer of the cluster that may be missing for a reason that is expected. */
import { CassSniError, type ErrorCode } from '../errors.ts'

/**
 * The answer, or undefined when it failed with that code: CSNI203 for what may not be read, CSNI205 for what is not
 * served.
 */
export async function unless<T>(code: ErrorCode, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof CassSniError && error.code === code) return undefined
    throw error
  }
}
