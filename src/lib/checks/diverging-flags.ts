/** No advice leads to routes other than those that there are, only because a flag was mistyped. */
import { againWithout, type NextStep } from '../errors.ts'
import type { Diverging } from '../routes/choices.ts'
import type { CheckResult } from './check.ts'

/**
 * The results, without advice to change the cluster to what a mistyped flag says: where flags differ from what the
 * routes have, that comes first, and the changes after it as dry runs.
 */
export function heedRoutes(results: readonly CheckResult[], diverging: readonly Diverging[]): CheckResult[] {
  if (diverging.length === 0) return [...results]
  const said = diverging.map(({ flag, given, used }) => `the routes use ${used}, --${flag} says ${given}`).join('; ')
  const first = againWithout(...diverging.map(({ flag }) => flag))
  return results.map((each) => {
    if (each.next === undefined || !each.next.some(changes)) return each
    const next = each.next.map((step) =>
      changes(step) && !step.args.includes('--dry-run') ? { ...step, args: [...step.args, '--dry-run'] } : step,
    )
    return { ...each, reason: `${each.reason} (${said})`, next: [first, ...next] }
  })
}

/** A command of ours that carries the flags of the command line into the cluster. */
function changes(step: NextStep): step is Extract<NextStep, { program: string }> {
  if (!('args' in step) || step.args[0] !== 'cass-sni') return false
  const [, topic, word] = step.args
  return (topic === 'routes' && word === 'sync') || (topic === 'certs' && word !== 'ca')
}
