/** Usage errors: the messages of oclif's parser on one line, with the closest match. */
import { CassSniError, command, hint, type NextStep } from '../errors.ts'

/** Returns the candidate closest to a word, with at most a third of its letters different. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(1, Math.floor(Math.max(word.length, best.candidate.length) / 3))
    ? best.candidate
    : undefined
}

/** Number of edits (insert, delete, replace, swap two neighbors) from one word to the other. */
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
 * The part of the errors of oclif's parser that is read (@oclif/core lib/parser/errors.js), without `parse`, which
 * contains the whole configuration.
 */
interface ParserError extends Error {
  flags?: string[]
  args?: unknown[]
}

/**
 * Converts an error of parsing a command line to CSNI101. `flagNames` are the flags of the command, `help` is the
 * command that prints its help.
 */
export function usageError(thrown: unknown, flagNames: readonly string[], help: NextStep): CassSniError {
  const error: ParserError = thrown instanceof Error ? thrown : new Error(String(thrown))
  const own = thrown instanceof CassSniError ? thrown.next : []
  return new CassSniError('CSNI101', sentence(error), {
    next: [...own, ...closestFlag(error, flagNames), ...kubectlPorts(error, flagNames), help],
  })
}

/** The unknown flag of a NonExistentFlagsError (lib/parser/errors.js). */
function unknownFlag({ flags, message }: ParserError): string | undefined {
  return message.startsWith('Nonexistent flag') ? flags?.[0] : undefined
}

function closestFlag(error: ParserError, flagNames: readonly string[]): NextStep[] {
  const unknown = unknownFlag(error)
  const guess = unknown?.startsWith('--') ? closest(unknown.slice(2), flagNames) : undefined
  return guess === undefined ? [] : [hint(`did you mean --${guess}?`)]
}

/** The equivalent of LOCAL:REMOTE, the syntax of `kubectl port-forward`. */
function kubectlPorts({ message }: Error, flagNames: readonly string[]): NextStep[] {
  const [, local, remote] = /^Unexpected argument: (\d*)(?::(\d+))?$/m.exec(message) ?? []
  if (local === undefined || !flagNames.includes('gateway-port')) return []
  const gatewayPort = remote === undefined ? [] : ['--gateway-port', remote]
  return [command`kubectl cass-sni port-forward --port ${local || 0} ${gatewayPort}`]
}

/** Returns a parser error on one line, in the wording of Go's flag package. */
function sentence(error: ParserError): string {
  const unknown = unknownFlag(error)
  if (unknown !== undefined) return `unknown flag: ${unknown}`
  const text = error.message
    .replace(/\nSee more help with --help$/, '')
    // From a flag's `parse`: oclif prefixes its message with "Parsing --flag" (lib/parser/parse.js).
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/^The following errors? occurred:\s*/, '')
    // lib/parser/validate.js: the value may have several lines or be a secret
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
