/** Wrong command lines: what oclif's parser says, in one line, with what was probably meant. */
import { CassSniError, command, hint, type NextStep } from '../errors.ts'

/** The word among those known that was probably meant: at most a third of its letters differ. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: distance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(1, Math.floor(Math.max(word.length, best.candidate.length) / 3))
    ? best.candidate
    : undefined
}

/** Edits (insert, delete, replace, swap two neighbors) that lead from one word to the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (rows[i - 1]?.[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? 0
}

/**
 * What oclif's parser throws, as far as it is looked at (@oclif/core lib/parser/errors.js). Never its `parse`: it
 * holds the whole configuration.
 */
interface ParserError extends Error {
  flags?: string[]
  args?: unknown[]
}

/**
 * What the parsing of a command line threw, as a CSNI101. `flagNames` are those of the command, `help` the command
 * that shows its help.
 */
export function usageError(thrown: unknown, flagNames: readonly string[], help: NextStep): CassSniError {
  const error: ParserError = thrown instanceof Error ? thrown : new Error(String(thrown))
  const own = thrown instanceof CassSniError ? thrown.next : []
  return new CassSniError('CSNI101', sentence(error), {
    next: [...own, ...meantFlag(error, flagNames), ...kubectlPorts(error, flagNames), help],
  })
}

/** The flag that oclif does not know (lib/parser/errors.js, NonExistentFlagsError). */
function unknownFlag({ flags, message }: ParserError): string | undefined {
  return message.startsWith('Nonexistent flag') ? flags?.[0] : undefined
}

function meantFlag(error: ParserError, flagNames: readonly string[]): NextStep[] {
  const unknown = unknownFlag(error)
  const guess = unknown?.startsWith('--') ? closest(unknown.slice(2), flagNames) : undefined
  return guess === undefined ? [] : [hint(`did you mean --${guess}?`)]
}

/** Hands that know `kubectl port-forward` write LOCAL:REMOTE. */
function kubectlPorts({ message }: Error, flagNames: readonly string[]): NextStep[] {
  const [, local, remote] = /^Unexpected argument: (\d*)(?::(\d+))?$/m.exec(message) ?? []
  if (local === undefined || !flagNames.includes('gateway-port')) return []
  const gatewayPort = remote === undefined ? [] : ['--gateway-port', remote]
  return [command`kubectl cass-sni port-forward --port ${local || 0} ${gatewayPort}`]
}

/** One line of what oclif says in several, as Go's flag package would say it. */
function sentence(error: ParserError): string {
  const unknown = unknownFlag(error)
  if (unknown !== undefined) return `unknown flag: ${unknown}`
  const text = error.message
    .replace(/\nSee more help with --help$/, '')
    // A flag's own parser failed: oclif puts "Parsing --flag" before its message (lib/parser/parse.js).
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/^The following errors? occurred:\s*/, '')
    // lib/parser/validate.js: the value may be of several lines, and a secret
    .replace(/(--[a-z-]+)=[\s\S]*? cannot also be provided when using (--[a-z-]+)/g, '$1 and $2 are mutually exclusive')
    .replace(/All of the following must be provided when using (--[a-z-]+): /g, '$1 requires ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('; ')
    .replace(/:;/g, ':')
    .replace(/^Unexpected argument(s?): (.*)$/, 'unexpected argument$1 "$2"')
    .replace(/: Expected an? /, ': expected an ')
  return text.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()).replace(/\.$/, '')
}
