/** The question before changes that a user might not expect. */
import { CassSniError, type NextStep } from '../errors.ts'
import type { Ask } from '../events.ts'

/**
 * Asks for confirmation, with these details; not with --yes or off a terminal. Throws CSNI902 if the user declines.
 * @param dryRun shows the changes again
 */
export async function confirmChanges(ask: Ask | undefined, details: string[], dryRun: NextStep): Promise<void> {
  if (ask === undefined) return
  const answer = await ask({
    kind: 'confirm',
    name: 'proceed',
    flag: '--yes',
    message: 'Apply these changes?',
    details,
    initial: false,
  })
  if (answer !== 'yes') throw new CassSniError('CSNI902', 'canceled; no changes were made', { next: [dryRun] })
}
