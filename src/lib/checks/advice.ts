/** Removes advice to run a command that, by the other results, would change nothing. */
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
import { listed } from '../text/listed.ts'

/** A command of this program, and the checks that together show it would change nothing for a node. */
const SETTLED: readonly { words: readonly string[]; by: readonly CheckCode[] }[] = [
  { words: ['cass-sni', 'routes', 'sync'], by: ['CSNI823', 'CSNI824'] },
  { words: ['cass-sni', 'certs'], by: ['CSNI838', 'CSNI839'] },
]
const POLICIES = [DESTINATION_RULE, AUTHORIZATION_POLICY, PEER_AUTHENTICATION, NETWORK_POLICY]
/** How many policies a message lists. */
const MAX_POLICIES = 5

/**
 * Returns the results without advice that would change nothing. A connection failure that is then unexplained lists
 * the policies that apply to the gateway's or the nodes' pods.
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
        // `certs ca` is not `certs`.
        (step.args[words.length]?.startsWith('-') ?? true) &&
        by.every(
          (code) =>
            passed.has(`${code} `) ||
            (about === undefined ? nodes : [about]).every((node) => passed.has(`${code} ${node}`)),
        ),
    )
  const sound: CheckResult[] = []
  for (const each of results) {
    // the keystore of the nodes shows nothing about the certificate of the metadata service
    const isSettled = (step: NextStep) => each.code !== 'CSNI873' && settled(step, each.node)
    const next = each.next?.filter((step) => !isSettled(step))
    if (each.next === undefined || next?.length === each.next.length) {
      sound.push(each)
      continue
    }
    const { names, inspect } = await policiesFor(probes, each.node)
    const others = names === '' ? '' : `; check ${names}`
    const reason = `${each.reason} (routes and certificates are in sync${others})`
    sound.push({ ...each, reason, next: [...(next ?? []), ...inspect] })
  }
  return sound
}

/** Policies by name, and the commands that show them. */
interface NamedPolicies {
  /** Empty without policies, or without permission to list them. */
  names: string
  inspect: NextStep[]
}

/** Lists the policies of these kinds that apply to traffic to a pod, or to any node if `pod` is undefined. */
export async function policiesFor(
  { datacenter, policies, upstream }: Pick<Probes, 'datacenter' | 'policies' | 'upstream'>,
  pod: string | undefined,
  kinds: readonly ResourceType[] = POLICIES,
): Promise<NamedPolicies> {
  const node = datacenter.nodes.find((each) => each.pod === pod)
  const host = node === undefined ? undefined : upstream(node).host
  const found = (await policies().catch(unreadable))?.filter(
    ({ type, hosts }) =>
      kinds.some(({ kind }) => kind === type.kind) &&
      (host === undefined || hosts === undefined || hosts.includes(host)),
  )
  if (found === undefined || found.length === 0) {
    const all = kinds.map(({ plural }) => plural).join(',')
    return { names: '', inspect: [command`kubectl -n ${datacenter.namespace} get ${all}`] }
  }
  const named = found.slice(0, MAX_POLICIES)
  const names = found.map(({ type, name, namespace }) => `${displayName(type, name)} in namespace ${namespace}`)
  return {
    names: listed(names, MAX_POLICIES),
    inspect: named.map(
      ({ type, name, namespace }) => command`kubectl -n ${namespace} get ${type.plural}.${type.group} ${name} -o yaml`,
    ),
  }
}

/** Ignores a failure to list policies: the generic command is proposed instead. */
function unreadable(error: unknown): undefined {
  if (error instanceof CassSniError) return undefined
  throw error
}
