/** CONSISTENCY and SERIAL CONSISTENCY. */
import { CassSniError, hint } from '../../errors.ts'
import { closest } from '../../text/closest-word.ts'
import { invalidSyntax, type ShellCommand } from './shell-command.ts'

/** Levels of apache/cassandra doc/native_protocol_v5.spec, "consistency". */
const CONSISTENCY_LEVELS = [
  'ANY',
  'ONE',
  'TWO',
  'THREE',
  'QUORUM',
  'ALL',
  'LOCAL_QUORUM',
  'EACH_QUORUM',
  'LOCAL_ONE',
  'SERIAL',
  'LOCAL_SERIAL',
]

const SERIAL_LEVELS = ['SERIAL', 'LOCAL_SERIAL']

const USAGE = 'CONSISTENCY [<level>]'
const SERIAL_USAGE = 'SERIAL CONSISTENCY [SERIAL | LOCAL_SERIAL]'

export const CONSISTENCY: ShellCommand = {
  pattern: /^(?<level>\w+)?$/,
  usage: USAGE,
  summary: 'Show or set the consistency level',
  details:
    'Levels: ANY, ONE, TWO, THREE, QUORUM, ALL, LOCAL_ONE, LOCAL_QUORUM, EACH_QUORUM;\n' +
    'SERIAL and LOCAL_SERIAL for reads only. The default is ONE.',
  async run({ state, text, groups: { level } }) {
    if (level === undefined) await state.answer(`Current consistency level is ${state.consistency}.\n`)
    else {
      state.consistency = oneOf(CONSISTENCY_LEVELS, level, text, `CONSISTENCY [${CONSISTENCY_LEVELS.join(' | ')}]`)
      await state.answer(`Consistency level set to ${state.consistency}.\n`)
    }
    return undefined
  },
}

export const SERIAL: ShellCommand = {
  pattern: /^consistency(?:\s+(?<level>\w+))?$/i,
  usage: SERIAL_USAGE,
  summary: 'Show or set the level of lightweight transactions',
  details: 'The default is SERIAL.',
  async run({ state, text, groups: { level } }) {
    if (level === undefined) await state.answer(`Current serial consistency level is ${state.serialConsistency}.\n`)
    else {
      state.serialConsistency = oneOf(SERIAL_LEVELS, level, text, SERIAL_USAGE)
      await state.answer(`Serial consistency level set to ${state.serialConsistency}.\n`)
    }
    return undefined
  },
}

function oneOf(levels: string[], level: string, text: string, usage: string): string {
  const found = levels.find((candidate) => candidate === level.toUpperCase())
  if (found !== undefined) return found
  const guess = closest(level.toUpperCase(), levels)
  throw invalidSyntax(text, usage, guess === undefined ? [] : [hint(`did you mean ${guess}?`)])
}

/** Returns the level of a flag in capitals. Throws CSNI101 for an unknown level. */
export function consistencyLevel(text: string, kind: 'any' | 'serial'): string {
  const levels = kind === 'any' ? CONSISTENCY_LEVELS : SERIAL_LEVELS
  const level = text.toUpperCase()
  if (levels.includes(level)) return level
  const guess = closest(level, levels)
  throw new CassSniError('CSNI101', `invalid consistency level "${text}": expected ${levels.join(', ')}`, {
    next: guess === undefined ? [] : [hint(`did you mean ${guess}?`)],
  })
}
