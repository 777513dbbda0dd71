/** Signs that a file was written in another CSV dialect than COPY reads. */
import { hint, type NextStep } from '../../errors.ts'
import { counted } from '../../text/counted.ts'
import { stringLiteral } from '../cql-values.ts'
import type { CsvDialect } from './copy-options.ts'
import type { CsvDoubts } from './csv-dialect.ts'

/** A note on what was read literally or dropped, and probably meant something else; undefined if there is nothing. */
export function doubtNote(doubts: CsvDoubts, { quote, escape: escaping }: CsvDialect): string | undefined {
  const { doubledQuotes, droppedEscapes } = doubts
  const found = [
    ...(doubledQuotes === 0 ? [] : [`doubled quotes (${quote}${quote}) kept in ${counted(doubledQuotes, 'field')}`]),
    ...(droppedEscapes === 0 ? [] : [`${counted(droppedEscapes, 'escape character')} (${escaping}) dropped`]),
  ]
  if (found.length === 0) return undefined
  const remedy = `if the file is RFC 4180 (such as -o csv), import it with ESCAPE = ${stringLiteral(quote)}`
  return [...found, remedy].join('; ')
}

const SEPARATORS = [',', ';', '|', '\t']

/** A hint to DELIMITER if another one would make the record complete. @param fields expected */
export function separatorHint(record: string[], fields: number): NextStep[] {
  const [only = ''] = record
  if (record.length !== 1 || fields === 1) return []
  const separator = SEPARATORS.find((candidate) => only.split(candidate).length === fields)
  if (separator === undefined) return []
  const literal = separator === '\t' ? "'\\t'" : stringLiteral(separator)
  return [hint(`the file seems to be separated by ${literal}: use DELIMITER = ${literal}`)]
}
