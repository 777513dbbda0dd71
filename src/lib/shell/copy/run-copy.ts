/** The COPY command of the shell. */
import { asCassSniError, CassSniError, hint } from '../../errors.ts'
import { canceledText } from '../canceled-statement.ts'
import { type Cqlshrc, copySettings, NO_CQLSHRC, readCqlshrc } from '../cqlshrc.ts'
import type { CopyContext } from './copy-context.ts'
import { copyFrom } from './copy-from.ts'
import { copyOptions } from './copy-options.ts'
import { type CopyStatement, parseCopyStatement } from './copy-statement.ts'
import { copyTo } from './copy-to.ts'

/**
 * Executes a COPY statement without comments. Its options come from the cqlshrc, or the file of CONFIGFILE, and from
 * the statement. Errors as `copyFrom` and `copyTo`.
 */
export async function runCopy(text: string, context: CopyContext, cqlshrc: Cqlshrc = NO_CQLSHRC): Promise<void> {
  const statement = parseCopyStatement(text)
  const keyspace = statement.keyspace ?? context.session.keyspace()
  if (keyspace === undefined)
    throw new CassSniError('CSNI101', `COPY ${statement.table}: no keyspace in use`, {
      next: [hint('name the table as keyspace.table, or run USE first')],
    })
  const { direction, table, options } = statement
  const file = options.get('configfile')
  const settings = copySettings(file ? await readCqlshrc(file, context.signal) : cqlshrc, direction, {
    keyspace,
    table,
  })
  const given = new Map([
    ...settings.map(({ name, value }): [string, string] => [name.toLowerCase(), value]),
    ...options,
  ])
  const copy = direction === 'from' ? copyFrom : copyTo
  const chosen = copyOptions(direction, given, { timestampFormat: cqlshrc.ui.timeFormat })
  try {
    await copy(context, { ...statement, keyspace }, chosen)
  } catch (error) {
    throw context.signal.aborted && error === context.signal.reason ? notStarted(error, statement) : error
  }
}

/** The error of a COPY that was interrupted before its first row. */
function notStarted(reason: unknown, { direction, files }: CopyStatement): CassSniError {
  const file = direction === 'to' && files !== undefined ? ', no file written' : ''
  const text = `${canceledText(reason)}: no rows ${direction === 'to' ? 'exported' : 'imported'}${file}`
  return new CassSniError(asCassSniError(reason).code, text, { cause: reason })
}
