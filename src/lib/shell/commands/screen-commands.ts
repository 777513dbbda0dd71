/** CLEAR, HISTORY, EXIT and DEBUG. */
import { CassSniError } from '../../errors.ts'
import { visible } from '../row-table.ts'
import { type ShellCommand, unsupported } from './shell-command.ts'

export const CLEAR: ShellCommand = {
  pattern: /^$/,
  usage: 'CLEAR | CLS',
  summary: 'Clear the screen',
  async run({ state }) {
    state.io.clear?.()
    return undefined
  },
}

export const HISTORY: ShellCommand = {
  pattern: /^(?<count>\d{1,9})?$/,
  usage: 'HISTORY [<lines>]',
  summary: 'Show the last statements',
  details: 'A number sets how many are shown in this session; the default is 50.',
  async run({ state, groups: { count } }) {
    const history = state.io.history?.()
    if (history === undefined) throw new CassSniError('CSNI101', 'HISTORY requires a terminal')
    if (count !== undefined) state.historyShown = Number(count)
    const before = history.slice(0, -1)
    const shown = before.slice(Math.max(0, before.length - state.historyShown))
    await state.answer(shown.map((line) => `${visible(line)}\n`).join(''))
    return undefined
  },
}

export const EXIT: ShellCommand = {
  pattern: /^$/,
  usage: 'EXIT | QUIT',
  summary: 'Leave the shell',
  details: 'Ctrl-D does the same. In a file run by SOURCE, it ends only that file.',
  run: async () => ({ exit: true }),
}

export const DEBUG: ShellCommand = {
  pattern: /^/,
  usage: 'DEBUG',
  summary: 'Not supported (starts the Python debugger in cqlsh)',
  run: async () => {
    throw unsupported('DEBUG', 'start the shell with -v 9 to see stack traces of errors')
  },
}
