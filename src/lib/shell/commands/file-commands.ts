/** SOURCE and CAPTURE. */
import { CassSniError, hint } from '../../errors.ts'
import { homePath } from '../../files/home-path.ts'
import { Capture } from '../capture.ts'
import { visible } from '../row-table.ts'
import { LITERAL, literalText, type ShellCommand } from './shell-command.ts'
import { emptyFile, unquotedFile } from './unquoted-file.ts'

/** A file name without quotes. */
const BARE = `(?<bare>[^'"$][^'"]*)`

/** The path of a literal. Throws CSNI101 for an empty one. */
function pathOf(command: string, literal: string): string {
  const name = literalText(literal)
  if (name === '') throw emptyFile(command)
  return homePath(name)
}

export const SOURCE: ShellCommand = {
  pattern: new RegExp(`^(?:(?<file>${LITERAL})|${BARE})$`),
  usage: "SOURCE '<file>'",
  summary: 'Execute the statements of a file',
  details:
    'A leading ~ is the home directory. On a terminal, an error does not stop the\n' +
    'file; in a script it does, unless --continue-on-error is given. Keyspace, role\n' +
    'and settings that the file changes are restored at its end.',
  async run({ groups: { file = '', bare } }) {
    if (bare !== undefined) throw unquotedFile('SOURCE', bare)
    return { source: pathOf('SOURCE', file) }
  },
}

export const CAPTURE: ShellCommand = {
  pattern: new RegExp(`^(?:(?<off>off)|(?<file>${LITERAL})|${BARE})?$`, 'i'),
  usage: "CAPTURE ['<file>' | OFF]",
  summary: 'Append results to a file instead of showing them',
  details: 'A leading ~ is the home directory. Errors and the output of shell commands are\n' + 'still shown.',
  async run({ state, groups: { off, file, bare } }) {
    if (bare !== undefined) throw unquotedFile('CAPTURE', bare)
    const { capture } = state
    const { fileSink } = state.settings
    if (off !== undefined) {
      if (capture === undefined) throw new CassSniError('CSNI101', 'not capturing output')
      state.capture = undefined
      await capture.close()
    } else if (file === undefined) {
      await state.answer(
        capture === undefined
          ? 'Currently not capturing query output.\n'
          : `Currently capturing query output to '${visible(capture.file)}'.\n`,
      )
    } else if (capture !== undefined) {
      throw new CassSniError('CSNI101', `already capturing output to ${capture.file}`, { next: [hint('CAPTURE OFF')] })
    } else if (fileSink === undefined) {
      throw new CassSniError('CSNI101', 'CAPTURE requires output as a table or CSV (-o table, -o csv)')
    } else {
      const sink = fileSink()
      sink.expand?.(state.expanded)
      state.capture = await Capture.open(pathOf('CAPTURE', file), sink)
      await state.answer(`Now capturing query output to '${visible(state.capture.file)}'.\n`)
    }
    return undefined
  },
}
