/**
 * Renders the steps that errors and checks propose as commands for the cluster and datacenter of this command line.
 */
import { CARRIED_FLAGS, CONNECTION_FLAGS } from '../cluster/connection-flags.ts'
import type { NextStep, RenderedStep } from '../errors.ts'
import type { GivenFlag } from './command-line.ts'
import { shellText } from '../text/shell-words.ts'

/** The current command line. */
export interface CommandLine {
  /** The program's name as typed: "kubectl cass-sni". */
  bin: string
  /** The command's words: "routes sync". */
  id: string
  /** In the order of the command line, without defaults. */
  flags: readonly GivenFlag[]
  /** Words that are not flags. */
  args: readonly string[]
  /** Words after "--". */
  rest?: readonly string[] | undefined
  /** The flag with the gateway's port, which differs for `port-forward`. */
  portFlag: 'port' | 'gateway-port'
  /** Flags that the command defines: one with the name of a kubectl flag has another meaning. */
  own?: readonly string[] | undefined
}

/** Flags whose values must appear neither in the scrollback nor in the list of processes. */
const SECRET = CONNECTION_FLAGS.flatMap(({ name, secret }) => (secret ? [name] : []))
const NODE_FLAGS = ['datacenter', 'cluster-domain', 'gateway', 'port']
/** The flags that select the target of each proposed command. */
const TARGET_FLAGS: Readonly<Record<string, readonly string[]>> = {
  install: ['datacenter', 'cluster-domain'],
  certs: NODE_FLAGS,
  'certs ca': ['datacenter'],
  'certs status': NODE_FLAGS,
  'certs rotate-ca': NODE_FLAGS,
  'certs export': ['datacenter'],
  'certs issue-client': ['datacenter'],
  'certs require-client': ['datacenter'],
  'routes sync': NODE_FLAGS,
  'routes diff': NODE_FLAGS,
  'routes list': ['datacenter', 'cluster-domain', 'gateway'],
  'routes status': ['datacenter'],
  'routes delete': ['datacenter'],
  'routes controller install': [],
  'routes controller manifest': [],
  'routes controller status': [],
  'routes controller uninstall': [],
  'bundle create': NODE_FLAGS,
  'bundle inspect': ['datacenter', 'cluster-domain', 'gateway'],
  'bundle serve': ['datacenter', 'cluster-domain', 'gateway'],
  'clients show': NODE_FLAGS,
  uninstall: [],
  verify: NODE_FLAGS,
  'cqlsh-sni': NODE_FLAGS,
  'port-forward': ['datacenter', 'cluster-domain', 'gateway'],
}
const SHORT: Readonly<Record<string, string>> = { namespace: '-n', datacenter: '-d' }

/**
 * Renders steps as text. Commands get the connection and target flags of the command line, so that they apply to the
 * same cluster and namespace when pasted. Flags that a command already has are kept.
 */
export function renderSteps(steps: readonly NextStep[], line: CommandLine): RenderedStep[] {
  return steps.map((step) => {
    if ('hint' in step) return { label: 'Hint', text: step.hint }
    const words = 'again' in step ? repeated(step, line) : withTarget([step.program, ...step.args], line)
    const pipe = 'pipe' in step && step.pipe !== undefined ? ` | ${step.pipe}` : ''
    return { label: 'Try', text: shellText(words.map(withoutUserinfo)) + pipe }
  })
}

/** The texts of the steps without labels, as in `-o json`. */
export function stepTexts(steps: readonly NextStep[], line: CommandLine): string[] {
  return renderSteps(steps, line).map(({ text }) => text)
}

/** The same command line with these flags added or replaced, and without others. */
function repeated(
  { again: flags, without = [], program: first = [] }: Extract<NextStep, { again: string[] }>,
  line: CommandLine,
): string[] {
  const dropped = [...SECRET, ...without.map((name) => (name === 'port' ? line.portFlag : name))]
  const kept = line.flags.filter(({ name }) => !includesFlag(flags, name) && !dropped.includes(name))
  const rest = [...first, ...(line.rest ?? [])]
  const program = rest.length === 0 ? [] : ['--', ...rest]
  return [...line.bin.split(' '), ...line.id.split(' '), ...line.args, ...kept.flatMap(wordsOf), ...flags, ...program]
}

function withTarget(words: readonly string[], line: CommandLine): string[] {
  if (words.includes('--help')) return [...words]
  const [program, first] = words
  if (program === 'kubectl' && first === 'cass-sni') {
    const ids = [3, 2, 1].map((length) => words.slice(2, 2 + length).join(' '))
    const id = ids.find((each) => each in TARGET_FLAGS)
    if (id === undefined) return [...words]
    const end = 2 + id.split(' ').length
    const added = flagWords([...CARRIED_FLAGS, 'namespace', ...(TARGET_FLAGS[id] ?? [])], line, words)
    return [...words.slice(0, end), ...added, ...words.slice(end)]
  }
  if (program !== 'kubectl' && program !== 'istioctl') return [...words]
  return [program, ...flagWords(foreignFlags(program, first), line, words), ...words.slice(1)]
}

/** Connection flags of another program. `kubectl config` uses no context. */
function foreignFlags(program: string, first: string | undefined): readonly string[] {
  if (first === 'config') return ['kubeconfig']
  if (program === 'kubectl') return CARRIED_FLAGS
  return CONNECTION_FLAGS.flatMap(({ istioctl }) => (istioctl === undefined ? [] : [istioctl]))
}

/** The flags of these names from the command line, except those that the command already has. */
function flagWords(names: readonly string[], line: CommandLine, words: readonly string[]): string[] {
  const everywhere = words.some((word) => word === '-A' || word === '--all-namespaces')
  return names.flatMap((name) => {
    if (name === 'namespace' && everywhere) return []
    if (includesFlag(words, name) || (CARRIED_FLAGS.includes(name) && line.own?.includes(name))) return []
    const given = name === 'port' ? line.portFlag : name
    return line.flags.flatMap((flag) => (flag.name === given ? wordsOf({ ...flag, name }) : []))
  })
}

/** A flag's words; a statement with a password is replaced by a placeholder. */
function wordsOf({ name, value, negated }: GivenFlag): string[] {
  const flag = SHORT[name] ?? (negated ? `--no-${name}` : `--${name}`)
  if (value === undefined) return [flag]
  return [flag, name === 'execute' ? withoutPassword(value) : value]
}

/** Returns statements, or a placeholder if they may contain a password. */
export function withoutPassword(statements: string): string {
  return /password/i.test(statements) ? '<STATEMENTS>' : statements
}

function includesFlag(words: readonly string[], name: string): boolean {
  const forms = [SHORT[name], `--${name}`, `--no-${name}`]
  return words.some((word) => forms.includes(word) || word.startsWith(`--${name}=`))
}

/** Removes user:password@ from a URL, also in --flag=URL (RFC 3986, 3.2.1: up to the last "@" of the authority). */
function withoutUserinfo(word: string): string {
  return word.replace(/^((?:--[a-z-]+=)?[a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}
