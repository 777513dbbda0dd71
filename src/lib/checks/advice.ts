/** No advice leads to a command that the same verification has just shown to change nothing. */
import { displayName } from '../cluster/resources.ts'
import { CassSniError, command, type NextStep } from '../errors.ts'
import type { PolicyInTheWay } from '../istio/traffic-policies.ts'
import type { CheckCode, CheckResult } from './check.ts'
import type { Probes } from './probes.ts'

/** A command of ours, and the checks that, all passed, show that it has nothing to do for a node. */
const SETTLED: readonly { words: readonly string[]; by: readonly CheckCode[] }[] = [
  { words: ['cass-sni', 'routes', 'sync'], by: ['CSNI823', 'CSNI824'] },
  { words: ['cass-sni', 'certs'], by: ['CSNI838', 'CSNI839'] },
]
/** As many policies are named as one reads. */
const MOST_POLICIES = 5

/**
 * The results, without advice that would change nothing. Where that leaves a failure of the connection without a
 * reason, the policies that take in the gateway's pods or the nodes' are named instead.
 */
export async function soundAdvice(
  results: readonly CheckResult[],
  probes: Pick<Probes, 'datacenter' | 'policies'>,
): Promise<CheckResult[]> {
  const passed = new Set(
    results.filter(({ result }) => result === 'pass').map(({ code, node }) => `${code} ${node ?? ''}`),
  )
  const nodes = [...new Set(results.flatMap(({ node }) => node ?? []))]
  const settled = (step: NextStep, about: string | undefined) =>
    SETTLED.some(
      ({ words, by }) =>
        'args' in step &&
        words.every((word, index) => step.args[index] === word) &&
        // `certs ca` is another command than `certs`.
        (step.args[words.length]?.startsWith('-') ?? true) &&
        by.every(
          (code) =>
            passed.has(`${code} `) ||
            (about === undefined ? nodes : [about]).every((node) => passed.has(`${code} ${node}`)),
        ),
    )
  const sound: CheckResult[] = []
  let policies: Promise<PolicyInTheWay[] | undefined> | undefined
  for (const each of results) {
    const next = each.next?.filter((step) => !settled(step, each.node))
    if (each.next === undefined || next?.length === each.next.length) {
      sound.push(each)
      continue
    }
    policies ??= probes.policies().catch(notSeen)
    sound.push(withPolicies({ ...each, next }, await policies, probes.datacenter.namespace))
  }
  return sound
}

function withPolicies(
  check: CheckResult,
  found: readonly PolicyInTheWay[] | undefined,
  namespace: string,
): CheckResult {
  const inSync = 'routes and certificates are in sync'
  const look = command`kubectl -n ${namespace} get
    destinationrules,authorizationpolicies,peerauthentications,networkpolicies`
  if (found === undefined || found.length === 0)
    return { ...check, reason: `${check.reason} (${inSync})`, next: [...(check.next ?? []), look] }
  const named = found.slice(0, MOST_POLICIES)
  const names = named.map((policy) => `${displayName(policy.type, policy.name)} in namespace ${policy.namespace}`)
  const more = found.length > named.length ? ` and ${found.length - named.length} more` : ''
  return {
    ...check,
    reason: `${check.reason} (${inSync}; what else may stand in the way: ${names.join(', ')}${more})`,
    next: [
      ...(check.next ?? []),
      ...named.map(
        ({ type, name, namespace: place }) =>
          command`kubectl -n ${place} get ${type.plural}.${type.group} ${name} -o yaml`,
      ),
    ],
  }
}

/** Who may not list them, or cannot just now, is told where to look. */
function notSeen(error: unknown): undefined {
  if (error instanceof CassSniError) return undefined
  throw error
}
