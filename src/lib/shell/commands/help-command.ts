/** HELP. */
import { CassSniError, hint } from '../../errors.ts'
import { helpOf, helpTopics } from '../shell-help.ts'
import type { ShellCommand } from './shell-command.ts'

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
    if ('unknown' in help) throw new CassSniError('CSNI101', `no help on ${help.unknown}`, { next: [hint('HELP')] })
    await state.answer(help.text)
    return undefined
  },
}
