/** Keeps advice from changing the routes only because a flag was mistyped. */
import { againWithout, type NextStep } from '../errors.ts'
import type { Diverging } from '../routes/choices.ts'
import type { CheckResult } from './check.ts'

/**
 * Returns the results with advice that is safe if a flag was mistyped: where flags differ from the routes, the first
 * step is to drop those flags, and commands that change the cluster become dry runs.
 */
export function withFlagMismatches(results: readonly CheckResult[], diverging: readonly Diverging[]): CheckResult[] {
  if (diverging.length === 0) return [...results]
  const mismatches = diverging.map(({ flag, given, used }) => `--${flag} is ${given}, routes use ${used}`).join('; ')
  const first = againWithout(...diverging.map(({ flag }) => flag))
  return results.map((each) => {
    if (each.next === undefined || !each.next.some(changes)) return each
    const next = each.next.map((step) =>
      changes(step) && !step.args.includes('--dry-run') ? { ...step, args: [...step.args, '--dry-run'] } : step,
    )
    return { ...each, reason: `${each.reason} (${mismatches})`, next: [first, ...next] }
  })
}

/** Whether a step is a command of this program that writes the command line's flags to the cluster. */
function changes(step: NextStep): step is Extract<NextStep, { program: string }> {
  if (!('args' in step) || step.args[0] !== 'cass-sni') return false
  const [, topic, word] = step.args
  return (topic === 'routes' && word === 'sync') || (topic === 'certs' && word !== 'ca')
}
