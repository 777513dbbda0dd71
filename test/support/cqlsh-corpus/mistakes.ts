/** What is wrong and must be said: the run goes on, the message names the fault. */
import { type Case, lines } from './case.ts'

export const MISTAKE_CASES: Case[] = [
  { id: 'wrong word', input: 'SELEC v FROM clustered;' },
  { id: 'wrong word on line 3', input: '\n\nSELECT v\nFORM clustered;' },
  { id: 'ends too early', input: 'SELECT v FROM;' },
  { id: 'no such table', input: 'SELECT v FROM nosuch;' },
  { id: 'no such keyspace', input: 'SELECT v FROM nosuch.nosuch;' },
  { id: 'use of no such keyspace', input: 'USE nosuch;' },
  { id: 'no such column', input: 'SELECT nosuch FROM clustered;' },
  { id: 'bind marker', input: 'SELECT v FROM clustered WHERE p = ?;' },
  { id: 'named bind marker', input: 'INSERT INTO cas (k, v) VALUES (1, :v);' },
  { id: 'wrong type', input: `INSERT INTO cas (k, v) VALUES ('x', 'y');` },
  { id: 'number too large', input: `INSERT INTO cas (k, v) VALUES (2147483648, 'y');` },
  { id: 'wrong timestamp', input: `INSERT INTO every (id, t_timestamp) VALUES ('wrong', 'yesterday');` },
  { id: 'not ascii', input: `INSERT INTO every (id, t_ascii) VALUES ('wrong', 'é');` },
  { id: 'needs filtering', input: "SELECT * FROM clustered WHERE s = 'x';" },
  { id: 'exists already', input: 'CREATE TABLE cas (k int PRIMARY KEY);' },
  {
    id: 'no functions here',
    input: `CREATE FUNCTION plus (a int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS $$ return a; $$;`,
  },
  {
    id: 'no views here',
    input: 'CREATE MATERIALIZED VIEW w AS SELECT v FROM cas WHERE k IS NOT NULL PRIMARY KEY (k);',
  },
  { id: 'not enough replicas', input: 'CONSISTENCY THREE\nSELECT v FROM clustered WHERE p = 1;\nCONSISTENCY ONE' },
  { id: 'serial for a write', input: `CONSISTENCY SERIAL\nINSERT INTO cas (k, v) VALUES (9, 'x');\nCONSISTENCY ONE` },
  {
    id: 'mistake between two',
    input: lines(
      'SELECT c FROM clustered WHERE p = 1 AND c = 1;',
      'SELECT nosuch FROM clustered;',
      'SELECT c FROM clustered WHERE p = 1 AND c = 2;',
    ),
  },
  { id: 'mistakes on one line', input: 'SELECT a FROM clustered; SELECT b FROM clustered;' },
  {
    id: 'mistake in a batch',
    input: lines(
      `BEGIN BATCH INSERT INTO cas (k, v) VALUES (70, 'a'); INSERT INTO nosuch (k) VALUES (1); APPLY BATCH;`,
      `SELECT k FROM cas WHERE k = 70;`,
    ),
  },
  { id: 'select in a batch', input: 'BEGIN BATCH SELECT k FROM cas; APPLY BATCH;' },
  { id: 'no word at all', input: '123;' },
  { id: 'a closing brace', input: '};' },
  { id: 'character that CQL lacks', input: 'SELECT v FROM clustered WHERE p = 1 AND c = ^;' },
  { id: 'backslash', input: 'SELECT \\v FROM clustered;' },
  { id: 'typographic quotes', input: 'SELECT v FROM clustered WHERE p = 1 AND v = ‘two’;' },
]
