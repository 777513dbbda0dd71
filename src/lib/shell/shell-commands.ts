/** The commands of the shell itself, as cqlsh has them: what is not CQL and never reaches Cassandra as it is. */
import { CassSniError, hint } from '../errors.ts'

export type ShellCommand =
  | { name: 'help'; topic: string }
  | { name: 'exit' }
  | { name: 'clear' }
  | { name: 'consistency'; level?: string }
  | { name: 'serial consistency'; level?: string }
  | { name: 'paging'; size?: number | 'on' | 'off' }
  | { name: 'expand' | 'tracing'; on?: boolean }
  | { name: 'show'; what: 'host' | 'version' }
  | { name: 'source'; file: string }
  | { name: 'describe'; text: string }

/** Commands of cqlsh that there are not here, and what to do instead. */
const ABSENT: Readonly<Record<string, string>> = {
  COPY: 'write a file with: kubectl cass-sni cqlsh-sni -o csv -e "SELECT …" > FILE',
  CAPTURE: 'redirect the output: kubectl cass-sni cqlsh-sni -o csv -e "SELECT …" > FILE',
  LOGIN: 'start again with: kubectl cass-sni cqlsh-sni --username NAME',
  UNICODE: 'text is shown as it is, control characters as escapes',
  ELAPSED: 'TRACING ON tells how long a statement took in Cassandra',
}

const FIRST_WORDS = new Set([
  '?',
  'HELP',
  'EXIT',
  'QUIT',
  'CLEAR',
  'CLS',
  'CONSISTENCY',
  'SERIAL',
  'PAGING',
  'EXPAND',
  'TRACING',
  'SHOW',
  'SOURCE',
  'DESCRIBE',
  'DESC',
  ...Object.keys(ABSENT),
])

const CONSISTENCY_LEVELS = [
  'ANY',
  'ONE',
  'TWO',
  'THREE',
  'QUORUM',
  'ALL',
  'LOCAL_QUORUM',
  'EACH_QUORUM',
  'LOCAL_ONE',
  'SERIAL',
  'LOCAL_SERIAL',
]
const SERIAL_LEVELS = ['SERIAL', 'LOCAL_SERIAL']

/** Whether a statement that begins with this word is a command of the shell, which ends with its line. */
export function isShellCommand(firstWord: string): boolean {
  return FIRST_WORDS.has(firstWord.toUpperCase())
}

/**
 * The command that a statement is, or undefined when it is CQL for Cassandra.
 * Throws CSNI101 for a command with wrong words, and for one that only cqlsh has.
 */
export function parseShellCommand(text: string): ShellCommand | undefined {
  const [first = '', ...rest] = text.split(/\s+/)
  const word = first.toUpperCase()
  if (!FIRST_WORDS.has(word)) return undefined
  const instead = ABSENT[word]
  if (instead !== undefined)
    throw new CassSniError('CSNI101', `${word} is a command of cqlsh that this shell does not have`, {
      next: [hint(instead)],
    })
  const argument = rest.join(' ')
  const upper = argument.toUpperCase()
  switch (word) {
    case '?':
    case 'HELP':
      return { name: 'help', topic: upper }
    case 'EXIT':
    case 'QUIT':
      return { name: 'exit' }
    case 'CLEAR':
    case 'CLS':
      return { name: 'clear' }
    case 'CONSISTENCY':
      return upper === ''
        ? { name: 'consistency' }
        : { name: 'consistency', level: oneOf(upper, CONSISTENCY_LEVELS, 'CONSISTENCY') }
    case 'SERIAL': {
      if (rest[0]?.toUpperCase() !== 'CONSISTENCY') throw wrong('SERIAL CONSISTENCY [SERIAL | LOCAL_SERIAL]', text)
      const level = rest.slice(1).join(' ').toUpperCase()
      return level === ''
        ? { name: 'serial consistency' }
        : { name: 'serial consistency', level: oneOf(level, SERIAL_LEVELS, 'SERIAL CONSISTENCY') }
    }
    case 'PAGING':
      return paging(upper, text)
    case 'EXPAND':
    case 'TRACING': {
      if (upper !== '' && upper !== 'ON' && upper !== 'OFF') throw wrong(`${word} [ON | OFF]`, text)
      const name = word === 'EXPAND' ? 'expand' : 'tracing'
      return upper === '' ? { name } : { name, on: upper === 'ON' }
    }
    case 'SHOW':
      if (upper !== 'HOST' && upper !== 'VERSION') throw wrong('SHOW HOST | SHOW VERSION', text)
      return { name: 'show', what: upper === 'HOST' ? 'host' : 'version' }
    case 'SOURCE':
      return { name: 'source', file: sourceFile(text) }
    default:
      return { name: 'describe', text: text.replace(/^\S+/, 'DESCRIBE') }
  }
}

function paging(upper: string, text: string): ShellCommand {
  if (upper === '') return { name: 'paging' }
  if (upper === 'ON' || upper === 'OFF') return { name: 'paging', size: upper === 'ON' ? 'on' : 'off' }
  if (!/^[1-9]\d{0,6}$/.test(upper)) throw wrong('PAGING [ON | OFF | <rows>]', text)
  return { name: 'paging', size: Number(upper) }
}

function sourceFile(text: string): string {
  const quoted = /^\S+\s+'((?:[^']|'')+)'$/s.exec(text)
  if (quoted?.[1] === undefined) throw wrong("SOURCE '<file>'", text)
  return quoted[1].replaceAll("''", "'")
}

function oneOf(given: string, allowed: string[], command: string): string {
  if (allowed.includes(given)) return given
  throw wrong(`${command} [${allowed.join(' | ')}]`, `${command} ${given}`)
}

function wrong(right: string, given: string): CassSniError {
  return new CassSniError('CSNI101', `"${given}" is not understood; it is written ${right}`, { next: [hint('HELP')] })
}
