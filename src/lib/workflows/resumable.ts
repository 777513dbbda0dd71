/** The error of a run that was interrupted after it had changed something. */
import { again, CassSniError, hint } from '../errors.ts'

/**
 * Returns the reason of the abort with the command that resumes the run: the same one plus `answered`, the flags for
 * answers at prompts. Returns any other error unchanged.
 * @param kept what remains: "completed steps are kept"
 */
export function resumable(
  signal: AbortSignal,
  error: unknown,
  kept: string,
  answered: readonly string[] = [],
): unknown {
  const reason: unknown = signal.aborted ? signal.reason : error
  if (!(reason instanceof CassSniError) || (reason.code !== 'CSNI902' && reason.code !== 'CSNI901')) return error
  return new CassSniError(reason.code, reason.message, {
    next: [hint(`${kept}; rerun to resume`), again`${answered}`],
  })
}
