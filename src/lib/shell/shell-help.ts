/** The texts of HELP. */
import { COMMAND_NAMES, commandName } from './command-words.ts'
import type { Commands } from './commands/shell-command.ts'
import { CQL_ALIASES, CQL_TOPICS } from './cql-help.ts'

const WIDTH = 78
const USAGE_WIDTH = 26

/** The answer to HELP without a topic. */
export function helpTopics(commands: Commands): string {
  const lines = COMMAND_NAMES.filter((name) => name !== 'DEBUG').flatMap((name) => {
    const { usage, summary } = commands[name]
    return usage.length <= USAGE_WIDTH
      ? [`  ${usage.padEnd(USAGE_WIDTH)}  ${summary}`]
      : [`  ${usage}`, `${' '.repeat(USAGE_WIDTH + 4)}${summary}`]
  })
  return (
    'CQL statements end with a semicolon and may span several lines.\n' +
    'Shell commands end at the end of the line:\n\n' +
    `${lines.join('\n')}\n\n` +
    'HELP <topic> explains a command, or one of these CQL topics:\n\n' +
    `${wrapped(Object.keys(CQL_TOPICS).sort().join(', '))}\n\n` +
    'Ctrl-C clears the line, or cancels the running statement.\n'
  )
}

function wrapped(text: string): string {
  const lines: string[] = ['']
  for (const word of text.split(', ')) {
    const line = lines.at(-1) ?? ''
    const longer = line === '' ? `  ${word}` : `${line}, ${word}`
    if (longer.length <= WIDTH) lines[lines.length - 1] = longer
    else lines.splice(-1, 1, `${line},`, `  ${word}`)
  }
  return lines.join('\n')
}

/**
 * The help on one topic or several: "PAGING", "CREATE TABLE", "CREATE_TABLE", "SELECT INSERT". `unknown` is the first
 * word that begins no topic.
 */
export function helpOf(topics: string, commands: Commands): { text: string } | { unknown: string } {
  const words = topics.toUpperCase().replaceAll('_', ' ').trim().split(/\s+/)
  const texts: string[] = []
  while (words.length > 0) {
    const length = [3, 2, 1].find((count) => topicText(words.slice(0, count).join(' '), commands) !== undefined)
    if (length === undefined) return { unknown: words[0] ?? '' }
    texts.push(topicText(words.splice(0, length).join(' '), commands) ?? '')
  }
  return { text: texts.join('\n') }
}

function topicText(topic: string, commands: Commands): string | undefined {
  const name = commandName(topic === 'SERIAL CONSISTENCY' ? 'SERIAL' : topic)
  if (name !== undefined) {
    const { usage, summary, details } = commands[name]
    return `${usage}\n\n${summary}.\n${details === undefined ? '' : `${details}\n`}`
  }
  const cql = Object.hasOwn(CQL_ALIASES, topic) ? (CQL_ALIASES[topic] ?? topic) : topic
  return Object.hasOwn(CQL_TOPICS, cql) ? CQL_TOPICS[cql] : undefined
}
