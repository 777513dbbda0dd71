/** EXPAND, TRACING, ELAPSED and PAGING: settings that are on or off. They answer as in cqlsh. */
import type { ShellCommand } from './shell-command.ts'

const SWITCH = /^(?<on>on|off)?$/i

type SwitchName = 'expanded' | 'tracing' | 'elapsed'

function switchCommand(word: string, name: SwitchName, summary: string, details?: string): ShellCommand {
  return {
    pattern: SWITCH,
    usage: `${word} [ON | OFF]`,
    summary,
    details,
    async run({ state, groups }) {
      const wanted = isOn(groups['on'])
      const text = answerOf(word, state[name], wanted)
      if (wanted !== undefined) state[name] = wanted
      await state.answer(text)
      return undefined
    },
  }
}

function isOn(word: string | undefined): boolean | undefined {
  return word === undefined ? undefined : word.toUpperCase() === 'ON'
}

function answerOf(word: string, current: boolean, wanted: boolean | undefined): string {
  const name = (on: boolean): string => (on ? 'ON' : 'OFF')
  if (wanted === undefined) return `${word} is ${name(current)}\n`
  return wanted === current ? `${word} is already ${name(current)}\n` : `${word} set to ${name(wanted)}\n`
}

export const EXPAND = switchCommand('EXPAND', 'expanded', 'Show one line per column instead of per row')

export const TRACING = switchCommand(
  'TRACING',
  'tracing',
  'Show the trace of each statement',
  'SHOW SESSION shows a trace again.',
)

export const ELAPSED = switchCommand('ELAPSED', 'elapsed', 'Show the time that each statement took')

export const PAGING: ShellCommand = {
  pattern: /^(?:(?<on>on|off)|(?<size>[1-9]\d{0,6}))?$/i,
  usage: 'PAGING [ON | OFF | <rows>]',
  summary: 'Set the number of rows per page',
  details: 'OFF shows all rows without a pause and restores the default page size.',
  async run({ state, groups: { on, size } }) {
    const wanted = isOn(on)
    const text = size === undefined ? answerOf('PAGING', state.paging, wanted) : ''
    state.paging = size !== undefined || (wanted ?? state.paging)
    if (size !== undefined) state.pageSize = Number(size)
    if (!state.paging) state.pageSize = state.settings.pageSize
    await state.answer(`${text}${state.paging ? `Page size: ${state.pageSize}\n` : ''}`)
    return undefined
  },
}
