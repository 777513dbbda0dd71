/** COPY. */
import { COPY_USAGE } from '../copy/copy-statement.ts'
import type { ShellCommand } from './shell-command.ts'

export const COPY: ShellCommand = {
  pattern: /^[\s\S]*$/,
  usage: COPY_USAGE,
  summary: 'Import a table from CSV files, or export it',
  details:
    'Ends with a semicolon. Options: WITH <option> = <value> AND …\n' +
    'Both: HEADER, DELIMITER, QUOTE, ESCAPE, NULL, DATETIMEFORMAT, DECIMALSEP,\n' +
    'THOUSANDSSEP, BOOLSTYLE, ENCODING (UTF-8 only), MAXATTEMPTS, REPORTFREQUENCY,\n' +
    'CONFIGFILE.\n' +
    'FROM: MAXROWS, SKIPROWS, SKIPCOLS, CHUNKSIZE, INGESTRATE, MINBATCHSIZE,\n' +
    'MAXBATCHSIZE, MAXPARSEERRORS, MAXINSERTERRORS, ERRFILE, TTL.\n' +
    'TO: PAGESIZE, PAGETIMEOUT, BEGINTOKEN, ENDTOKEN, MAXREQUESTS, MAXOUTPUTSIZE,\n' +
    'FLOATPRECISION, DOUBLEPRECISION.\n' +
    'FROM accepts several files and globs, separated by commas. Failed rows go to\n' +
    'ERRFILE (default: import_<keyspace>_<table>.err). An interrupted import prints\n' +
    'the SKIPROWS with which to resume. Defaults come from [copy], [copy-from] and\n' +
    '[copy-to] of a cqlshrc. Files of -o csv and other RFC 4180 files are imported\n' +
    "with HEADER = true AND ESCAPE = '\"'.",
  async run({ state, text, signal }) {
    const { io, settings, session, consistency } = state
    const { runCopy } = await import('../copy/run-copy.ts')
    await runCopy(
      text,
      {
        session,
        consistency,
        write: settings.fileSink === undefined ? undefined : (rows) => state.write(rows),
        answer: (result) => state.answer(result),
        note: (line) => io.note(line),
        terminal: io.noteTerminal === true,
        typed: io.history !== undefined,
        stdin: io.stdin,
        signal,
      },
      settings.cqlshrc,
    )
    return undefined
  },
}
