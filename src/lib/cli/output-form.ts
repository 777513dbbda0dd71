/** The output options of a command line. */
import type { ColorChoice } from '../output/color.ts'

export interface Form {
  /** The value of -o. */
  format: string
  color: ColorChoice
  /** The value of -v. */
  level: number
}

/** Reads the output options before the command line is parsed, for errors of parsing. */
export function formOfWords(argv: readonly string[]): Form {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  const value = (short: string | undefined, long: string) => {
    const at = words.findIndex(
      (word) => word === long || (short !== undefined && word.startsWith(short)) || word.startsWith(`${long}=`),
    )
    const word = words[at]
    if (word === undefined) return undefined
    if (word === long || word === short) return words[at + 1]
    return word.startsWith('--') ? word.slice(long.length + 1) : word.slice(2).replace(/^=/, '')
  }
  const format = value('-o', '--output')
  const color = value(undefined, '--color')
  return {
    format: format === 'json' || format === 'yaml' || format === 'jsonl' ? format : 'text',
    color: color === 'always' || color === 'never' ? color : 'auto',
    level: Number(value('-v', '--v')) || 0,
  }
}
