/** HELP. */
import { CassSniError, hint } from '../../errors.ts'
import { closest } from '../../text/closest-word.ts'
import { COMMAND_NAMES } from '../command-words.ts'
import { CQL_TOPICS } from '../cql-help.ts'
import { helpOf, helpTopics } from '../shell-help.ts'
import type { ShellCommand } from './shell-command.ts'

function noHelp(topic: string): CassSniError {
  const guess = closest(topic, [...COMMAND_NAMES, ...Object.keys(CQL_TOPICS)])
  return new CassSniError('CSNI101', `no help on ${topic}`, {
    next: [...(guess === undefined ? [] : [hint(`did you mean HELP ${guess}?`)]), hint('HELP lists the topics')],
  })
}

export const HELP: ShellCommand = {
  pattern: /^(?<topic>[\w ?\t]*)$/,
  usage: 'HELP | ? [<topic> …]',
  summary: 'List the topics, or explain one or more of them',
  async run({ state, commands, groups: { topic = '' } }) {
    if (topic.trim() === '') {
      await state.answer(helpTopics(commands))
      return undefined
    }
    const help = helpOf(topic, commands)
    if ('unknown' in help) throw noHelp(help.unknown)
    await state.answer(help.text)
    return undefined
  },
}
