/** Formats of values in tables, from the [ui] section of a cqlshrc. CSV and JSON are always exact. */
import type { ValueFormats } from './cql-values.ts'
import type { UiSettings } from './cqlshrc.ts'
import { formattedTimestamp } from './timestamps.ts'

export function uiFormats({ timeFormat, timezone, floatPrecision, doublePrecision }: UiSettings): ValueFormats {
  const exact = timeFormat === undefined && timezone === undefined
  return { timestamp: exact ? undefined : formattedTimestamp(timeFormat, timezone), floatPrecision, doublePrecision }
}
