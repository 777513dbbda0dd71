/**
 * The steps that errors and checks propose, as commands for the cluster and the datacenter that this command line
 * named.
 */
import { CARRIED_FLAGS, CONNECTION_FLAGS } from '../cluster/connection-flags.ts'
import type { NextStep, RenderedStep } from '../errors.ts'
import type { GivenFlag } from './command-line.ts'
import { shellText } from '../text/shell-words.ts'

/** The command line in force. */
export interface CommandLine {
  /** The program's name, as a user types it: "kubectl cass-sni". */
  bin: string
  /** The command's words: "routes sync". */
  id: string
  /** In the order in which they were given; those that have their default only are not among them. */
  flags: readonly GivenFlag[]
  /** Words that are not flags. */
  args: readonly string[]
  /** The flag with the gateway's port: `port-forward` has one of its own. */
  portFlag: 'port' | 'gateway-port'
  /** The command's own flags: one that is called as one of kubectl's means something else. */
  own?: readonly string[] | undefined
}

/** Their values are nobody's business: not the scrollback's, and not the list of processes'. */
const SECRET = CONNECTION_FLAGS.flatMap(({ name, secret }) => (secret ? [name] : []))
const ABOUT_NODES = ['datacenter', 'cluster-domain', 'gateway', 'port']
/** Of the commands that are proposed, the flags that say what they are about. */
const ABOUT: Readonly<Record<string, readonly string[]>> = {
  install: ['datacenter', 'cluster-domain'],
  certs: ABOUT_NODES,
  'certs ca': ['datacenter'],
  'routes sync': ABOUT_NODES,
  verify: ABOUT_NODES,
  'cqlsh-sni': ABOUT_NODES,
  'port-forward': ['datacenter', 'cluster-domain', 'gateway'],
}
const SHORT: Readonly<Record<string, string>> = { namespace: '-n', datacenter: '-d' }

/**
 * The steps as text. Commands get the flags that lead where the user was: pasted, they must not go to the context's own
 * namespace, or to another cluster. What a command says itself is left as it is.
 */
export function renderSteps(steps: readonly NextStep[], line: CommandLine): RenderedStep[] {
  return steps.map((step) => {
    if ('hint' in step) return { label: 'Hint', text: step.hint }
    const words = 'again' in step ? repeated(step, line) : directed([step.program, ...step.args], line)
    const pipe = 'pipe' in step && step.pipe !== undefined ? ` | ${step.pipe}` : ''
    return { label: 'Try', text: shellText(words.map(withoutUserinfo)) + pipe }
  })
}

/** The texts of the steps alone, as `-o json` has them. */
export function stepTexts(steps: readonly NextStep[], line: CommandLine): string[] {
  return renderSteps(steps, line).map(({ text }) => text)
}

/** The same command line, with these flags in place of the ones of the same name, and without some. */
function repeated(
  { again: flags, without = [] }: { again: string[]; without?: string[] | undefined },
  line: CommandLine,
): string[] {
  const dropped = [...SECRET, ...without.map((name) => (name === 'port' ? line.portFlag : name))]
  const kept = line.flags.filter(({ name }) => !says(flags, name) && !dropped.includes(name))
  return [...line.bin.split(' '), ...line.id.split(' '), ...line.args, ...kept.flatMap(wordsOf), ...flags]
}

function directed(words: readonly string[], line: CommandLine): string[] {
  if (words.includes('--help')) return [...words]
  const [program, first] = words
  if (program === 'kubectl' && first === 'cass-sni') {
    const ids = [words.slice(2, 4).join(' '), words[2] ?? '']
    const id = ids.find((each) => each in ABOUT)
    if (id === undefined) return [...words]
    const end = 2 + id.split(' ').length
    const added = flagWords([...CARRIED_FLAGS, 'namespace', ...(ABOUT[id] ?? [])], line, words)
    return [...words.slice(0, end), ...added, ...words.slice(end)]
  }
  if (program !== 'kubectl' && program !== 'istioctl') return [...words]
  return [program, ...flagWords(foreignFlags(program, first), line, words), ...words.slice(1)]
}

/** `kubectl config` reads the kubeconfig without a context. */
function foreignFlags(program: string, first: string | undefined): readonly string[] {
  if (first === 'config') return ['kubeconfig']
  if (program === 'kubectl') return CARRIED_FLAGS
  return CONNECTION_FLAGS.flatMap(({ istioctl }) => (istioctl === undefined ? [] : [istioctl]))
}

/** The given flags of these names, but for those that the command has already. */
function flagWords(names: readonly string[], line: CommandLine, words: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (says(words, name) || (CARRIED_FLAGS.includes(name) && line.own?.includes(name))) return []
    const given = name === 'port' ? line.portFlag : name
    return line.flags.flatMap((flag) => (flag.name === given ? wordsOf({ ...flag, name }) : []))
  })
}

/** A flag's words; in place of a statement with a password stands the flag's name. */
function wordsOf({ name, value, negated }: GivenFlag): string[] {
  const flag = SHORT[name] ?? (negated ? `--no-${name}` : `--${name}`)
  if (value === undefined) return [flag]
  return [flag, name === 'execute' && /password/i.test(value) ? '<STATEMENTS>' : value]
}

function says(words: readonly string[], name: string): boolean {
  const forms = [SHORT[name], `--${name}`, `--no-${name}`]
  return words.some((word) => forms.includes(word) || word.startsWith(`--${name}=`))
}

/** A URL, also as --flag=URL, without user:password@ (RFC 3986, 3.2.1: up to the last "@" of the authority). */
function withoutUserinfo(word: string): string {
  return word.replace(/^((?:--[a-z-]+=)?[a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}
