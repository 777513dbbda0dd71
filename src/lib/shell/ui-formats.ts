/** How a cqlshrc wants values shown: its [ui], for tables only. Data is written exact. */
import type { ValueFormats } from './cql-values.ts'
import type { UiSettings } from './cqlshrc.ts'
import { formattedTimestamp } from './timestamps.ts'

export function uiFormats({ timeFormat, timezone, floatPrecision, doublePrecision }: UiSettings): ValueFormats {
  const exact = timeFormat === undefined && timezone === undefined
  return { timestamp: exact ? undefined : formattedTimestamp(timeFormat, timezone), floatPrecision, doublePrecision }
}
