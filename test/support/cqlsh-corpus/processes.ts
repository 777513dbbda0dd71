/** What has to run alone: where the input ends, and with which exit code. */
import { type ProcessCase, lines } from './case.ts'

const ONE = 'SELECT v FROM {ks}.clustered WHERE p = 1 AND c = 1'
const WRONG = 'SELECT nosuch FROM {ks}.clustered'

export const PROCESS_CASES: ProcessCase[] = [
  // How input ends
  { id: '-e: a statement', by: '-e', input: `${ONE};` },
  { id: '-e: without a semicolon', by: '-e', input: ONE },
  { id: '-e: a comment at the end', by: '-e', input: `${ONE} -- one row` },
  { id: '-e: nothing', by: '-e', input: '' },
  { id: '-e: spaces', by: '-e', input: '  \n' },
  { id: '-e: a command', by: '-e', input: 'CONSISTENCY' },
  { id: '-e: an unclosed text', by: '-e', input: `${ONE} AND v = 'two` },
  { id: '-e: a mistake', by: '-e', input: WRONG },
  { id: '-e: a mistake, then a statement', by: '-e', input: `${WRONG}; ${ONE};` },
  { id: '-f: nothing', by: '-f', input: '' },
  { id: '-f: only comments', by: '-f', input: '-- nothing\n/* at all */' },
  { id: '-f: without a semicolon', by: '-f', input: ONE },
  { id: '-f: without a last line end', by: '-f', input: `${ONE};` },
  { id: '-f: a command without a last line end', by: '-f', input: `${ONE};\nCONSISTENCY` },
  {
    id: '-f: an unclosed text',
    by: '-f',
    input: `${ONE};\nINSERT INTO {ks}.cas (k, v) VALUES (90, 'open);\n${ONE};\n`,
  },
  { id: '-f: an unclosed name', by: '-f', input: `${ONE};\nSELECT "v FROM {ks}.cas;\n${ONE};\n` },
  { id: '-f: an unclosed comment', by: '-f', input: `${ONE};\n/* from here on\n${ONE};\n` },
  {
    id: '-f: an unclosed dollar text',
    by: '-f',
    input: `${ONE};\nINSERT INTO {ks}.cas (k, v) VALUES (91, $$open);\n${ONE};\n`,
  },
  {
    id: '-f: a batch without an end',
    by: '-f',
    input: `${ONE};\nBEGIN BATCH INSERT INTO {ks}.cas (k, v) VALUES (92, 'x');\n`,
  },
  { id: '-f: a mistake, then a statement', by: '-f', input: `${WRONG};\n${ONE};\n` },
  { id: '-f: a byte order mark', by: '-f', input: `\ufeff${ONE};\n` },
  {
    id: '-f: not UTF-8',
    by: '-f',
    input: 'INSERT … (bytes)',
    bytes: Buffer.from(`INSERT INTO {ks}.cas (k, v) VALUES (93, 'caf\xe9');\n${ONE};\n`, 'latin1'),
  },
  { id: 'pipe: nothing', by: 'pipe', input: '' },
  { id: 'pipe: statements', by: 'pipe', input: `${ONE};\n${ONE};\n` },
  { id: 'pipe: without a semicolon', by: 'pipe', input: ONE },
  { id: 'pipe: a command without a last line end', by: 'pipe', input: 'CONSISTENCY' },
  { id: 'pipe: a mistake, then a statement', by: 'pipe', input: `${WRONG};\n${ONE};\n` },
  // EXIT
  { id: 'exit in the middle', by: '-f', input: `${ONE};\nEXIT\n${ONE};\n` },
  { id: 'quit with a semicolon', by: 'pipe', input: `quit;\n${ONE};\n` },
  { id: 'exit after a mistake', by: '-f', input: `${WRONG};\nEXIT;\n` },
  {
    id: 'transaction',
    by: '-f',
    input: lines(
      `BEGIN TRANSACTION`,
      `  INSERT INTO {ks}.cas (k, v) VALUES (60, 'a');`,
      `  INSERT INTO {ks}.cas (k, v) VALUES (61, 'b');`,
      `COMMIT TRANSACTION;`,
      `SELECT k FROM {ks}.cas WHERE k IN (60, 61);\n`,
    ),
  },
  {
    id: 'copy from stdin',
    by: '-e',
    input: `COPY {ks}.cas (k, v, n) FROM STDIN; SELECT k, v, n FROM {ks}.cas WHERE k IN (80, 81, 82)`,
    stdin: lines('80,"a, ""b""",1', '81,,', '82,ünï,-3\n'),
    reduce: afterCopy,
  },
  {
    id: 'copy from the statements themselves',
    by: 'pipe',
    input: lines('COPY {ks}.cas (k, v, n) FROM STDIN;', '83,a,1', '.', 'SELECT k, v, n FROM {ks}.cas WHERE k = 83;\n'),
    reduce: afterCopy,
  },
  // Where output goes
  { id: 'capture nothing', by: 'pipe', input: 'CAPTURE\nCAPTURE OFF\n' },
  {
    id: 'capture',
    by: '-f',
    input: `CAPTURE '{dir}/captured'\n${ONE};\nCONSISTENCY\nCAPTURE\nCAPTURE '{dir}/again'\n`,
  },
  { id: 'capture, then off', by: '-f', input: `CAPTURE '{dir}/off'\n${ONE};\nCAPTURE OFF\n${ONE};\n` },
  // What is on the command line
  { id: 'keyspace', by: '-e', input: 'SELECT v FROM clustered WHERE p = 1 AND c = 1', flags: ['-k', '{ks}'] },
  {
    id: 'keyspace in capitals',
    by: '-e',
    input: 'SELECT v FROM clustered WHERE p = 1 AND c = 1',
    flags: ['-k', '{KS}'],
  },
  { id: 'no such keyspace', by: '-e', input: ONE, flags: ['-k', 'nosuch'] },
  { id: 'describe tables without a keyspace', by: '-e', input: 'DESCRIBE TABLES', reduce: ownTables },
  { id: 'describe schema', by: '-e', input: 'DESCRIBE SCHEMA', reduce: ownSchema },
  { id: 'describe full schema', by: '-e', input: 'DESC FULL SCHEMA', reduce: ownSchema },
  {
    id: 'login',
    by: '-f',
    input: `LOGIN {ks}_reader 'x'\nSELECT v FROM {ks}.cas WHERE k = 1;\nINSERT INTO {ks}.cas (k, v) VALUES (1, 'b');\n`,
  },
  { id: 'login with a wrong password', by: '-e', input: `LOGIN {ks}_reader 'y'` },
]

/** The shells' keyspaces have different names, which their own output alone calls {ks}. */
function ownTables(text: string): string {
  return /^Keyspace \{ks\}\n[\s\S]*?(?=\n\nKeyspace |$(?![\s\S]))/m.exec(text)?.[0] ?? text
}

function ownSchema(text: string): string {
  const own = /^CREATE KEYSPACE \{ks\} [\s\S]*?(?=\n\nCREATE KEYSPACE |$(?![\s\S]))/m.exec(text)?.[0] ?? text
  return own.replace(/ID = [0-9a-f-]{36}/g, 'ID = UUID')
}

/** Progress differs; the rows that follow do not. */
function afterCopy(text: string): string {
  return text.slice(Math.max(0, text.indexOf('\n k |')))
}
