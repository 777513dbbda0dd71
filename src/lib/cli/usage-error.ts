/** Usage errors: the messages of oclif's parser on one line, with the closest match. */
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { closest } from '../text/closest-word.ts'

/**
 * The part of the errors of oclif's parser that is read (@oclif/core lib/parser/errors.js), without `parse`, which
 * contains the whole configuration.
 */
interface ParserError extends Error {
  flags?: string[]
  args?: unknown[]
}

/**
 * Converts an error of parsing a command line to CSNI101.
 * @param help the command that prints the command's help
 */
export function usageError(thrown: unknown, { flagNames, foreignFlags }: CommandFlags, help: NextStep): CassSniError {
  const error: ParserError = thrown instanceof Error ? thrown : new Error(String(thrown))
  const own = thrown instanceof CassSniError ? thrown.next : []
  const foreign = foreignFlags[unknownFlag(error) ?? (isArgument(error) ? ARGUMENT : '')]
  const guesses = foreign === undefined ? closestFlag(error, flagNames) : [foreign]
  return new CassSniError('CSNI101', sentence(error), {
    next: [...own, ...guesses, ...kubectlPorts(error, flagNames), help],
  })
}

export interface CommandFlags {
  flagNames: readonly string[]
  /** Flags of a similar program, "-u", and what to use instead; ARGUMENT for an argument. */
  foreignFlags: Readonly<Record<string, NextStep>>
}

/** In place of a flag: an argument that the command does not take. */
export const ARGUMENT = 'argument'

function isArgument({ message }: ParserError): boolean {
  return /^Unexpected arguments?:/m.test(message)
}

/** The unknown flag of a NonExistentFlagsError (lib/parser/errors.js). */
function unknownFlag({ flags, message }: ParserError): string | undefined {
  return message.startsWith('Nonexistent flag') ? flags?.[0] : undefined
}

/** The arguments of a RequiredArgsError, in capitals as in the help; its message has advice that does not apply. */
function missingArguments({ args = [], message }: ParserError): string[] {
  if (!/^Missing \d+ required args?\b/.test(message)) return []
  return (args as { name: string }[]).map(({ name }) => name.toUpperCase())
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
  const missing = missingArguments(error)
  if (missing.length > 0) return `missing argument: ${missing.join(' ')}`
  const text = error.message
    .replace(/\nSee more help with --help$/, '')
    // From a flag's `parse`: oclif prefixes its message with "Parsing --flag" (lib/parser/parse.js).
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/^The following errors? occurred:\s*/, '')
    // lib/parser/validate.js: the value may have several lines or be a secret
    .replace(/(--[a-z-]+)=[\s\S]*? cannot also be provided when using (--[a-z-]+)/g, '$1 and $2 are mutually exclusive')
    .replace(/Missing required flag (\S+)/g, 'missing required flag: --$1')
    .replace(/All of the following must be provided when using (--[a-z-]+): /g, '$1 requires ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('; ')
    .replace(/:;/g, ':')
    .replace(/^Unexpected argument(s?): (.*)$/, 'unexpected argument$1 "$2"')
    // lib/flags.js, for a number
    .replace(/^(--\S+): Expected an integer(.*?) but received: (.*)$/, (_, flag, range: string, value) => {
      const limits = range
        .replace(' greater than or equal to', ' of at least')
        .replace(' less than or equal to', ' of at most')
      return `invalid value "${value}" for ${flag}: expected an integer${limits}`
    })
  return text.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()).replace(/\.$/, '')
}
