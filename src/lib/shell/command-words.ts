/** The names of the shell's commands, for splitting, completion and help. Pure. */

/** Commands by name. Each has its entry in `shell-commands.ts`. */
export const COMMAND_NAMES = [
  'CAPTURE',
  'CLEAR',
  'CONSISTENCY',
  'COPY',
  'DEBUG',
  'DESCRIBE',
  'ELAPSED',
  'EXIT',
  'EXPAND',
  'HELP',
  'HISTORY',
  'LOGIN',
  'PAGING',
  'SERIAL',
  'SHOW',
  'SOURCE',
  'TRACING',
] as const

export type CommandName = (typeof COMMAND_NAMES)[number]

/** Other words for a command. */
export const ALIASES: Readonly<Record<string, CommandName>> = {
  '?': 'HELP',
  CLS: 'CLEAR',
  DESC: 'DESCRIBE',
  QUIT: 'EXIT',
}

/**
 * Commands that end with a semicolon only, as CQL does (apache/cassandra pylib/cqlshlib/cqlshhandling.py,
 * `my_commands_ending_with_newline`, has the others).
 */
const SEVERAL_LINES: readonly CommandName[] = ['COPY']

/** The command that a statement with this first word is, or undefined when it is CQL. */
export function commandName(firstWord: string): CommandName | undefined {
  const word = firstWord.toUpperCase()
  return COMMAND_NAMES.find((name) => name === word) ?? (Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined)
}

/** Whether a statement that begins with this word ends with its line. */
export function endsWithLine(firstWord: string | undefined): boolean {
  const name = firstWord === undefined ? undefined : commandName(firstWord)
  return name !== undefined && !SEVERAL_LINES.includes(name)
}
