/**
 * The shell's commands, which are those of cqlsh: they are not CQL and not sent to Cassandra. A new one needs a name in
 * `command-words.ts` and an entry here.
 */
import { commandName } from './command-words.ts'
import { CONSISTENCY, SERIAL } from './commands/consistency-commands.ts'
import { COPY } from './commands/copy-command.ts'
import { DESCRIBE } from './commands/describe-command.ts'
import { CAPTURE, SOURCE } from './commands/file-commands.ts'
import { HELP } from './commands/help-command.ts'
import { CLEAR, DEBUG, EXIT, HISTORY } from './commands/screen-commands.ts'
import { LOGIN, SHOW } from './commands/session-commands.ts'
import { type Commands, invalidSyntax, type Outcome } from './commands/shell-command.ts'
import { ELAPSED, EXPAND, PAGING, TRACING } from './commands/switch-commands.ts'
import { withoutComments } from './cql-tokens.ts'
import type { ShellState } from './shell-state.ts'

export const COMMANDS: Commands = {
  CAPTURE,
  CLEAR,
  CONSISTENCY,
  COPY,
  DEBUG,
  DESCRIBE,
  ELAPSED,
  EXIT,
  EXPAND,
  HELP,
  HISTORY,
  LOGIN,
  PAGING,
  SERIAL,
  SHOW,
  SOURCE,
  TRACING,
}

/**
 * Runs a statement that is a command. Resolves with what the caller has to do, or with undefined when the statement is
 * CQL. Throws CSNI101 for wrong words and unsupported commands, and what the command throws.
 */
export async function runCommand(
  statement: string,
  state: ShellState,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const firstWord = /^(\?|\w+)/.exec(statement)?.[0] ?? ''
  const name = commandName(firstWord)
  if (name === undefined) return undefined
  const text = withoutComments(statement)
  const command = COMMANDS[name]
  const match = command.pattern.exec(text.slice(firstWord.length).trim())
  if (match === null) throw invalidSyntax(text, command.usage)
  return (await command.run({ state, text, groups: match.groups ?? {}, signal, commands: COMMANDS })) ?? {}
}
