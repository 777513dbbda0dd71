/** The commands that errors and checks propose, led to the cluster and the datacenter that this command line named. */
import { shellWord } from '../errors.ts'

/** Flags as they were given, without those that have their default. */
export type Given = Readonly<Record<string, unknown>>

/** How to reach the cluster: kubectl has the same flags. */
const CONNECTION = ['kubeconfig', 'context', 'cluster', 'user', 'as', 'as-group', 'as-uid']
/** Of the commands that are proposed, the flags that say what they are about. */
const ABOUT: Readonly<Record<string, readonly string[]>> = {
  install: ['datacenter', 'cluster-domain'],
  certs: ['datacenter', 'cluster-domain', 'gateway', 'port'],
  'certs ca': ['datacenter'],
  'routes sync': ['datacenter', 'cluster-domain', 'gateway', 'port'],
  verify: ['datacenter', 'cluster-domain', 'gateway', 'port'],
  'cqlsh-sni': ['datacenter', 'cluster-domain', 'gateway', 'port'],
  'port-forward': ['datacenter', 'cluster-domain', 'gateway'],
}
const SHORT: Readonly<Record<string, string>> = { namespace: '-n', datacenter: '-d' }

const OWN = /\bkubectl cass-sni (certs ca|routes sync|certs|install|verify|cqlsh-sni|port-forward)(?![\w-])/
const FOREIGN = /(^|: )(kubectl|istioctl)(?= (?!cass-sni)[a-z-])/

/**
 * The same proposals, with the flags that lead where the user was: pasted as they are, they must not go to the
 * context's own namespace, or
 * to another cluster. What a proposal says itself is left as it is. `portFlag` is the flag with the gateway's port:
 * `port-forward` has its own.
 */
export function targeted(next: readonly string[], given: Given, portFlag = 'port'): string[] {
  const gateways = { ...given, port: given[portFlag] }
  return next.map((line) => {
    if (line.includes(' --help')) return line
    if (OWN.test(line))
      return line.replace(
        OWN,
        (words, id: string) => words + flagsText([...CONNECTION, 'namespace', ...(ABOUT[id] ?? [])], gateways, line),
      )
    return line.replace(
      FOREIGN,
      (words, _before, program: string) => words + flagsText(foreignFlags(program, line), given, line),
    )
  })
}

/**
 * What kubectl reads of the kubeconfig only, it reads without a context; istioctl impersonates nobody in older
 * versions.
 */
function foreignFlags(program: string, line: string): string[] {
  if (line.includes('kubectl config ')) return ['kubeconfig']
  return program === 'istioctl' ? ['kubeconfig', 'context'] : CONNECTION
}

function flagsText(names: readonly string[], given: Given, line: string): string {
  const words = names.flatMap((name) => {
    const flag = SHORT[name] ?? `--${name}`
    if (line.includes(` ${flag} `) || line.includes(` --${name}`)) return []
    return [given[name]]
      .flat()
      .flatMap((value) => (value === undefined || value === '' ? [] : [flag, shellWord(String(value))]))
  })
  return words.map((word) => ` ${word}`).join('')
}
