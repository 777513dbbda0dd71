/** Turns an expected error into a missing result. */
import { CassSniError, type ErrorCode } from '../errors.ts'

/**
 * Returns the result, or undefined if the promise fails with this code: CSNI203 without permission, CSNI205 if the kind
 * is not served.
 */
export async function unless<T>(code: ErrorCode, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof CassSniError && error.code === code) return undefined
    throw error
  }
}
