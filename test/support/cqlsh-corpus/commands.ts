/** The commands of the shell itself. */
import { type Case, lines } from './case.ts'

const ONE = 'SELECT v FROM clustered WHERE p = 1 AND c = 1;'

export const COMMAND_CASES: Case[] = [
  { id: 'consistency', input: 'CONSISTENCY\nCONSISTENCY QUORUM\nconsistency\nCONSISTENCY local_one;\nCONSISTENCY ONE' },
  ...['ANY', 'TWO', 'THREE', 'ALL', 'LOCAL_QUORUM', 'EACH_QUORUM', 'LOCAL_SERIAL', 'NODE_LOCAL'].map((level) => ({
    id: `consistency ${level}`,
    input: `CONSISTENCY ${level}\nCONSISTENCY ONE`,
  })),
  { id: 'consistency of no such level', input: 'CONSISTENCY MOST\nCONSISTENCY' },
  {
    id: 'consistency behind a comment',
    input: 'CONSISTENCY TWO -- for the reads\nCONSISTENCY ONE // again\nCONSISTENCY /* here */ ONE',
  },
  {
    id: 'serial consistency',
    input:
      'SERIAL CONSISTENCY\nSERIAL CONSISTENCY LOCAL_SERIAL\nSERIAL CONSISTENCY SERIAL;\nSERIAL CONSISTENCY ONE\nSERIAL',
  },
  { id: 'paging', input: `PAGING\nPAGING 2\n${ONE}\nPAGING OFF\nPAGING\nPAGING ON\nPAGING 100` },
  { id: 'paging over pages', input: 'PAGING 1\nSELECT c FROM clustered WHERE p = 1;\nPAGING 100' },
  { id: 'paging of a word', input: 'PAGING some\nPAGING 0\nPAGING -1\nPAGING 100' },
  {
    id: 'expand',
    input: lines(
      `EXPAND`,
      `EXPAND ON`,
      `EXPAND ON`,
      `${ONE}`,
      `SELECT p, c, s FROM clustered WHERE p = 1;`,
      `SELECT * FROM empty;`,
      `EXPAND OFF`,
      `EXPAND OFF`,
    ),
  },
  { id: 'expand of a word', input: 'EXPAND maybe' },
  { id: 'tracing on and off', input: 'TRACING\nTRACING ON\nTRACING ON\nTRACING OFF\nTRACING OFF\nTRACING maybe' },
  {
    id: 'tracing',
    input: `TRACING ON\n${ONE}\nTRACING OFF`,
    reduce: (text) =>
      ['Tracing session: ', 'activity', 'source_elapsed', 'Parsing SELECT v FROM', 'Request complete']
        .filter((part) => text.includes(part))
        .join('\n'),
  },
  { id: 'show version', input: 'SHOW VERSION' },
  { id: 'show host', input: 'show host;' },
  { id: 'show session of nothing', input: 'SHOW SESSION 50554d6e-29bb-11e5-b345-feff819cdc9f' },
  { id: 'show replicas', input: 'SHOW REPLICAS 1 {ks}' },
  { id: 'show nothing', input: 'SHOW\nSHOW nosuch' },
  { id: 'clear', input: 'CLEAR\nCLS' },
  { id: 'history', input: 'HISTORY\nHISTORY 5\nSELECT c FROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'capture to where nothing can be written', input: `CAPTURE '/nosuch/file'` },
  { id: 'source', input: `SOURCE '{dir}/source.cql'` },
  { id: 'source with a mistake', input: `SOURCE '{dir}/mistake.cql'\n${ONE}` },
  { id: 'source of no such file', input: `SOURCE '{dir}/nosuch.cql'` },
  { id: 'source without quotes', input: `SOURCE {dir}/source.cql` },
  { id: 'source and a keyspace', input: `SOURCE '{dir}/use.cql'\n${ONE}\nUSE {ks};` },
  { id: 'source and a level', input: `SOURCE '{dir}/level.cql'\nCONSISTENCY\nCONSISTENCY ONE` },
  { id: 'source at a level', input: `CONSISTENCY QUORUM\nSOURCE '{dir}/shown.cql'\nCONSISTENCY ONE` },
  { id: 'command in capitals with a semicolon', input: `CONSISTENCY; CONSISTENCY ;\n${ONE}` },
  { id: 'command before a statement on its line', input: `PAGING; ${ONE}` },
  { id: 'copy to stdout', input: 'COPY copied (k, t, d, l) TO STDOUT;', unordered: true },
  {
    id: 'copy to stdout with options',
    input: `COPY copied (k, t) TO STDOUT WITH HEADER = true AND DELIMITER = '|' AND NULL = '-';`,
    unordered: true,
  },
  { id: 'copy to stdout of a timestamp', input: `COPY copied (k, w) TO STDOUT;`, unordered: true },
  { id: 'copy of no such table', input: 'COPY nosuch TO STDOUT;' },
  { id: 'copy of no such column', input: 'COPY copied (nosuch) TO STDOUT;' },
  {
    id: 'copy of no such file',
    input: `COPY copied FROM '{dir}/nosuch.csv' WITH ERRFILE = '{dir}/copied.err';`,
    reduce: withoutProgress,
  },
  { id: 'copy with no such option', input: `COPY copied TO STDOUT WITH NOSUCH = 1;` },
  { id: 'copy in the wrong words', input: 'COPY copied INTO x;' },
  { id: 'unicode', input: 'UNICODE', reduce: someText },
  { id: 'help', input: 'HELP', reduce: topics },
  { id: 'question mark', input: '?', reduce: topics },
  ...['consistency', 'copy', 'describe', 'paging', 'expand', 'tracing', 'source', 'capture', 'login', 'show'].map(
    (topic) => ({ id: `help ${topic}`, input: `HELP ${topic}`, reduce: (text: string) => someText(text, topic) }),
  ),
  { id: 'help on nothing', input: 'HELP nosuch' },
  {
    id: 'describe keyspaces',
    input: 'DESCRIBE KEYSPACES',
    reduce: (text) => ['{ks}', 'system_auth', 'system_schema'].filter((name) => text.includes(name)).join('\n'),
  },
  {
    id: 'describe cluster',
    input: 'USE system_auth;\nDESCRIBE CLUSTER\nUSE {ks};',
    reduce: (text) => text.replace(/^ +-?\d+ +\[.*\]$/gm, 'RANGE').replace(/(RANGE\n)+/g, 'RANGES\n'),
  },
  ...[
    'KEYSPACE',
    'KEYSPACE {ks}',
    'ONLY KEYSPACE {ks}',
    'TABLES',
    'COLUMNFAMILIES',
    'TABLE clustered',
    'TABLE {ks}.clustered',
    'COLUMNFAMILY cas',
    'TABLE "Mixed_Case"',
    'TYPES',
    'TYPE person',
    'TYPE {ks}.address',
    'FUNCTIONS',
    'AGGREGATES',
    'INDEX clustered_v',
    'cas',
    '{ks}',
    'clustered_v',
    'TABLE system.local',
    'TABLE cas WITH INTERNALS',
    'TABLE nosuch',
    'TYPE nosuch',
    'INDEX nosuch',
    'KEYSPACE nosuch',
    'FUNCTION nosuch',
    'AGGREGATE nosuch',
    'MATERIALIZED VIEW nosuch',
    'nosuch',
    'TABLE',
    'TABLE a b c',
    '',
  ].map((what) => ({ id: `describe ${what}`.trim(), input: `DESCRIBE ${what};`, reduce: withoutId })),
  { id: 'desc', input: 'desc table cas' },
]

function withoutId(text: string): string {
  return text.replace(/ID = [0-9a-f-]{36}/g, 'ID = UUID')
}

function someText(text: string, word = ''): string {
  return text.trim() === '' || !text.toLowerCase().includes(word) ? 'nothing' : 'a text'
}

const TOPICS = [
  'CAPTURE',
  'CLEAR',
  'CONSISTENCY',
  'COPY',
  'DESCRIBE',
  'EXIT',
  'EXPAND',
  'HELP',
  'HISTORY',
  'LOGIN',
  'PAGING',
  'SERIAL',
  'SHOW',
  'SOURCE',
  'TRACING',
]

function topics(text: string): string {
  return TOPICS.filter((topic) => text.includes(topic)).join(' ')
}

function withoutProgress(text: string): string {
  return text.replace(/^(?:Reading options|Using|Starting|Processed|\d+ rows imported).*$/gm, '').trim()
}
