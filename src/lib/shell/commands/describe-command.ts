/** DESCRIBE. */
import { describe } from '../describe.ts'
import type { ShellCommand } from './shell-command.ts'

export const DESCRIBE: ShellCommand = {
  pattern: /^/,
  usage: 'DESCRIBE | DESC …',
  summary: 'Show the cluster, the schema or parts of it',
  details: `CLUSTER | KEYSPACES | TABLES | TYPES | FUNCTIONS | AGGREGATES
[FULL] SCHEMA
[ONLY] KEYSPACE [<name>]
TABLE | INDEX | TYPE | FUNCTION | AGGREGATE | MATERIALIZED VIEW <name>
<name> of a keyspace, table, index or materialized view
Any of these may end in WITH INTERNALS.`,
  async run({ state, text, signal }) {
    const statement = text.replace(/^\S+/, 'DESCRIBE')
    const { terminal = false, columns } = state.captured ? {} : state.io
    const described = await describe(state.session, statement, signal, { width: columns?.(), terminal })
    if (state.sink.data) {
      const result = state.sink.begin(described.columns)
      await state.write(result.page(described.rows) + result.end())
    } else await state.write(described.text)
    return undefined
  },
}
