/** No advice leads to a command that the same verification has just shown to change nothing. */
import type { ResourceType } from '../cluster/kube.ts'
import {
  AUTHORIZATION_POLICY,
  DESTINATION_RULE,
  displayName,
  NETWORK_POLICY,
  PEER_AUTHENTICATION,
} from '../cluster/resources.ts'
import { CassSniError, command, type NextStep } from '../errors.ts'
import type { CheckCode, CheckResult } from './check.ts'
import type { Probes } from './probes.ts'

/** A command of ours, and the checks that, all passed, show that it has nothing to do for a node. */
const SETTLED: readonly { words: readonly string[]; by: readonly CheckCode[] }[] = [
  { words: ['cass-sni', 'routes', 'sync'], by: ['CSNI823', 'CSNI824'] },
  { words: ['cass-sni', 'certs'], by: ['CSNI838', 'CSNI839'] },
]
const POLICIES = [DESTINATION_RULE, AUTHORIZATION_POLICY, PEER_AUTHENTICATION, NETWORK_POLICY]
/** As many policies are named as one reads. */
const MOST_POLICIES = 5

/**
 * The results, without advice that would change nothing. Where that leaves a failure of the connection without a
 * reason, the policies that take in the gateway's pods or the nodes' are named instead.
 */
export async function soundAdvice(
  results: readonly CheckResult[],
  probes: Pick<Probes, 'datacenter' | 'policies' | 'upstream'>,
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
  for (const each of results) {
    const next = each.next?.filter((step) => !settled(step, each.node))
    if (each.next === undefined || next?.length === each.next.length) {
      sound.push(each)
      continue
    }
    const { names, look } = await policiesFor(probes, each.node)
    const others = names === '' ? '' : `; what else may stand in the way: ${names}`
    const reason = `${each.reason} (routes and certificates are in sync${others})`
    sound.push({ ...each, reason, next: [...(next ?? []), ...look] })
  }
  return sound
}

/** Policies by name, and the commands that show them. */
interface NamedPolicies {
  /** Empty when there are none, or none can be seen. */
  names: string
  look: NextStep[]
}

/** The policies, of these kinds or of all, that concern the way to a node; to any node when it is undefined. */
export async function policiesFor(
  { datacenter, policies, upstream }: Pick<Probes, 'datacenter' | 'policies' | 'upstream'>,
  pod: string | undefined,
  kinds: readonly ResourceType[] = POLICIES,
): Promise<NamedPolicies> {
  const node = datacenter.nodes.find((each) => each.pod === pod)
  const host = node === undefined ? undefined : upstream(node).host
  const found = (await policies().catch(notSeen))?.filter(
    ({ type, hosts }) =>
      kinds.some(({ kind }) => kind === type.kind) &&
      (host === undefined || hosts === undefined || hosts.includes(host)),
  )
  if (found === undefined || found.length === 0) {
    const all = kinds.map(({ plural }) => plural).join(',')
    return { names: '', look: [command`kubectl -n ${datacenter.namespace} get ${all}`] }
  }
  const named = found.slice(0, MOST_POLICIES)
  const names = named.map(({ type, name, namespace }) => `${displayName(type, name)} in namespace ${namespace}`)
  const more = found.length > named.length ? ` and ${found.length - named.length} more` : ''
  return {
    names: `${names.join(', ')}${more}`,
    look: named.map(
      ({ type, name, namespace }) => command`kubectl -n ${namespace} get ${type.plural}.${type.group} ${name} -o yaml`,
    ),
  }
}

/** Who may not list them, or cannot just now, is told where to look. */
function notSeen(error: unknown): undefined {
  if (error instanceof CassSniError) return undefined
  throw error
}
