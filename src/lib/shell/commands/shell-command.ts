/** What a command of the shell is. The commands themselves are listed in `shell-commands.ts`. */
import { CassSniError, hint, type NextStep } from '../../errors.ts'
import type { CommandName } from '../command-words.ts'
import { redacted } from '../password-redaction.ts'
import type { ShellState } from '../shell-state.ts'

/** What the caller of the shell has to do: leave, or execute a file. */
export interface Outcome {
  exit?: true | undefined
  /** Path of the file. */
  source?: string | undefined
}

export interface CommandCall {
  state: ShellState
  /** The whole command without its comments. */
  text: string
  /** Named groups of the command's pattern. */
  groups: Readonly<Record<string, string | undefined>>
  signal: AbortSignal
  /** All commands, for HELP. */
  commands: Commands
}

export type Commands = Readonly<Record<CommandName, ShellCommand>>

export interface ShellCommand {
  /** What may follow the first word, without comments; named groups are handed to `run`. */
  pattern: RegExp
  /** As HELP and errors show it. */
  usage: string
  /** One line for the list of HELP, at most 50 characters. */
  summary: string
  /** The rest of HELP <command>; lines of at most 80 columns. */
  details?: string | undefined
  /** Throws CSNI101 for wrong words, and what the session throws. */
  run(call: CommandCall): Promise<Outcome | undefined>
}

/** CSNI101 for a command with wrong words. */
export function invalidSyntax(text: string, usage: string, next: readonly NextStep[] = []): CassSniError {
  const [topic = ''] = usage.split(' ')
  return new CassSniError('CSNI101', `invalid syntax "${redacted(text)}"; usage: ${usage}`, {
    next: [...next, hint(`HELP ${topic}`)],
  })
}

/** CSNI101 for what cqlsh has and this shell has not. */
export function unsupported(what: string, instead: string): CassSniError {
  return new CassSniError('CSNI101', `${what} is not supported`, { next: [hint(instead)] })
}

/** The text of a string literal: 'it''s' is "it's", and $$ needs no quotes doubled. */
export function literalText(literal: string): string {
  return literal.startsWith('$$') ? literal.slice(2, -2) : literal.slice(1, -1).replaceAll("''", "'")
}

/** A string literal, as part of a pattern. */
export const LITERAL = String.raw`'(?:[^']|'')*'|\$\$[\s\S]*?\$\$`
