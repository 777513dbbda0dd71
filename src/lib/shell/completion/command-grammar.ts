/** The commands of the shell, for completion. */
import { copyOptionNames } from '../copy/copy-options.ts'
import type { CopyDirection } from '../copy/copy-statement.ts'
import type { Leaf } from './grammar-notation.ts'

const options = (direction: CopyDirection): string => {
  const option = `(${copyOptionNames(direction)
    .map((name) => (name === 'HEADER' ? `${name} '=' (TRUE | FALSE)` : `${name} '=' <value>`))
    .join(' | ')})`
  return `[WITH ${option} {AND ${option}}]`
}

/** By name; "command" is the start rule. */
export const COMMAND_RULES: Readonly<Record<string, string>> = {
  command:
    '<describe> | CONSISTENCY [<consistency>] | SERIAL CONSISTENCY [<serial consistency>] | SHOW <shown> | ' +
    "SOURCE <file> | CAPTURE [<file> | OFF] | <copy> | LOGIN <role> [<value>] | HELP {<topic>} | '?' | " +
    '(TRACING | EXPAND | ELAPSED) [ON | OFF] | PAGING [ON | OFF | <value>] | HISTORY [<value>] | CLEAR | CLS | ' +
    'EXIT | QUIT',
  describe: '(DESCRIBE | DESC) <described> [WITH INTERNALS]',
  described:
    'CLUSTER | KEYSPACES | [ONLY] KEYSPACE [<keyspace>] | [FULL] SCHEMA | TABLES | TABLE <table> | TYPES | ' +
    'TYPE <user type> | FUNCTIONS | FUNCTION <user function> | AGGREGATES | AGGREGATE <aggregate> | INDEX <index> | ' +
    'MATERIALIZED VIEW <view> | <keyspace> | <described object>',
  consistency:
    'ANY | ONE | TWO | THREE | QUORUM | ALL | LOCAL_QUORUM | EACH_QUORUM | SERIAL | LOCAL_SERIAL | LOCAL_ONE',
  'serial consistency': 'SERIAL | LOCAL_SERIAL',
  shown: 'HOST | VERSION | SESSION <value>',
  copy:
    "COPY <table> ['(' <column> {',' <column>} ')'] " +
    `(FROM (<file> | STDIN) ${options('from')} | ` +
    `TO (<file> | STDOUT) ${options('to')})`,
}

export const COMMAND_LEAVES: Readonly<Record<string, Leaf>> = {
  'described object': 'qualified name',
  file: 'string',
  topic: 'word',
}
