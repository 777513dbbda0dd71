/** Statements as people write them: comments, layouts, results of each kind. */
import { type Case, lines } from './case.ts'

const ONE = 'SELECT v FROM clustered WHERE p = 1 AND c = 1'

export const STATEMENT_CASES: Case[] = [
  // Where a statement begins and ends
  { id: 'two on a line', input: `${ONE}; ${ONE};` },
  { id: 'over several lines', input: 'SELECT v\n  FROM clustered\n\n  WHERE p = 1\nAND c = 1\n;' },
  { id: 'semicolons alone', input: `;;\n ; ${ONE};;` },
  { id: 'blank lines', input: `\n\n  \n\t\n${ONE};\n\n` },
  { id: 'capitals', input: 'sElEcT V FrOm CLUSTERED wHeRe P = 1 aNd C = 1;' },
  { id: 'line ends of Windows', input: `SELECT v\r\nFROM clustered -- comment\r\nWHERE p = 1 AND c = 1;\r\n` },
  { id: 'tabs and a form feed', input: 'SELECT\tv\fFROM\tclustered WHERE p=1 AND c=1;' },
  { id: 'no spaces', input: `SELECT v,c FROM clustered WHERE p=1AND c=1;` },
  // Comments
  { id: 'dashes behind', input: `${ONE}; -- one row` },
  { id: 'dashes before the semicolon', input: `${ONE} -- one row\n;` },
  { id: 'dashes between words', input: 'SELECT v -- the value; not the key\nFROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'dashes with a quote', input: `-- it's a comment\n${ONE};` },
  { id: 'dashes without a space', input: `--comment\n${ONE};--comment` },
  { id: 'slashes', input: `// a comment; with a semicolon\n${ONE}; // behind` },
  { id: 'slashes between words', input: 'SELECT v // it\'s "it"\nFROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'block comment', input: `/* one; two */ ${ONE};` },
  { id: 'block comment between words', input: 'SELECT /* it\'s " */ v FROM/**/clustered WHERE p = 1 AND c = 1;' },
  { id: 'block comment over lines', input: `/*\n * ${ONE};\n */\n${ONE};` },
  { id: 'block comment in a block comment', input: `/* a /* b */ ${ONE};` },
  { id: 'block comment with stars', input: `/***/ ${ONE}; /** doc **/` },
  { id: 'dashes in a block comment', input: `/* -- */ ${ONE};` },
  { id: 'comment marks in a text', input: `SELECT c FROM clustered WHERE p = 1 AND v = '-- /* //' ALLOW FILTERING;` },
  { id: 'comment marks in a name', input: 'SELECT v AS "-- /* // ;" FROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'only a comment', input: '-- nothing else\n/* nor here */\n// nor there' },
  { id: 'minus before a number', input: 'SELECT v FROM clustered WHERE p = 1 AND c > -1 AND c < 2;' },
  {
    id: 'comment in a batch',
    input: lines(
      'BEGIN BATCH -- both; or none',
      "INSERT INTO cas (k, v) VALUES (50, 'a'); /* ; */",
      'APPLY BATCH;',
      'SELECT v FROM cas WHERE k = 50;',
    ),
  },
  { id: 'comment with an emoji', input: `-- 😀 龍\n${ONE};` },
  // Texts
  {
    id: 'text over lines',
    input: `INSERT INTO cas (k, v) VALUES (51, 'first;\n  -- second\n\n/* third');\nSELECT v FROM cas WHERE k = 51;`,
  },
  {
    id: 'dollars over lines',
    input: `INSERT INTO cas (k, v) VALUES (52, $$it's; "so"\n-- said$$);\nSELECT v FROM cas WHERE k = 52;`,
  },
  { id: 'quoted names', input: 'SELECT "Key", "Group by", "qu""ote" FROM "Mixed_Case";' },
  // Results
  { id: 'all columns', input: 'SELECT * FROM clustered WHERE p = 1;' },
  { id: 'static column', input: 'SELECT p, s, c FROM clustered WHERE p = 2;' },
  { id: 'distinct', input: 'SELECT DISTINCT p, s FROM clustered;', unordered: true },
  { id: 'no rows', input: 'SELECT * FROM empty;' },
  { id: 'no rows with a key', input: 'SELECT v FROM clustered WHERE p = 99;' },
  { id: 'count', input: 'SELECT count(*) FROM clustered WHERE p = 1;' },
  { id: 'count with a warning', input: 'SELECT count(*) FROM clustered;' },
  { id: 'functions', input: 'SELECT max(c), min(v), sum(c), avg(c), token(p), ttl(v) FROM clustered WHERE p = 1;' },
  { id: 'alias', input: 'SELECT v AS "The Value", c AS seven FROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'cast', input: 'SELECT CAST(c AS text), CAST(c AS double) FROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'literals', input: `SELECT (text)'x', (int)7 FROM clustered WHERE p = 1 AND c = 1;` },
  { id: 'a column twice', input: 'SELECT v, v FROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'two columns of one alias', input: 'SELECT v AS x, c AS x FROM clustered WHERE p = 1 AND c = 1;' },
  { id: 'limit', input: 'SELECT c FROM clustered WHERE p = 1 LIMIT 2;' },
  { id: 'limit per partition', input: 'SELECT p, c FROM clustered PER PARTITION LIMIT 1;', unordered: true },
  { id: 'group by', input: 'SELECT p, count(c) FROM clustered WHERE p = 1 GROUP BY p;' },
  { id: 'index', input: `SELECT c FROM clustered WHERE v = 'two';` },
  { id: 'in', input: 'SELECT c, v FROM clustered WHERE p = 1 AND c IN (3, 1);' },
  {
    id: 'element of a collection',
    input: lines(
      `INSERT INTO every (id, m_text_int, l_int) VALUES ('element', {'a': 1}, [7]);`,
      `SELECT m_text_int['a'] FROM every WHERE id = 'element';`,
    ),
  },
  {
    id: 'field of a type',
    input: lines(
      `INSERT INTO every (id, p_address) VALUES ('field', {street: 'x'});`,
      `SELECT p_address.street, p_address.number FROM every WHERE id = 'field';`,
    ),
  },
  {
    id: 'counter',
    input:
      'UPDATE counted SET n = n + 5 WHERE k = 1;\nUPDATE counted SET n = n - 7 WHERE k = 1;\nSELECT * FROM counted;',
  },
  { id: 'select json', input: 'SELECT JSON * FROM clustered WHERE p = 1 AND c = 1;' },
  {
    id: 'to_json',
    input: lines(
      `INSERT INTO every (id, l_text) VALUES ('json', ['a"b', 'c']);`,
      `SELECT to_json(l_text) FROM every WHERE id = 'json';`,
    ),
  },
  { id: 'insert json', input: `INSERT INTO cas JSON '{"k": 53, "v": "it''s"}';\nSELECT v, n FROM cas WHERE k = 53;` },
  {
    id: 'a field that was added',
    input: lines(
      `INSERT INTO every (id, p_growing) VALUES ('growing', {a: 1});`,
      `ALTER TYPE growing ADD IF NOT EXISTS b text;`,
      `SELECT p_growing FROM every WHERE id = 'growing';`,
    ),
  },
  { id: 'many columns', input: `SELECT * FROM every WHERE id = 'nothing';` },
  { id: 'several rows, one wide', input: `SELECT k, t FROM copied WHERE k IN (1, 3);` },
  { id: 'virtual table', input: `SELECT name, value FROM system_views.settings WHERE name = 'cdc_enabled';` },
  // Writes
  { id: 'insert', input: `INSERT INTO cas (k, v) VALUES (1, 'a');` },
  {
    id: 'insert if not exists',
    input: lines(
      `INSERT INTO cas (k, v) VALUES (2, 'a') IF NOT EXISTS;`,
      `INSERT INTO cas (k, v) VALUES (2, 'b') IF NOT EXISTS;`,
    ),
  },
  {
    id: 'update if',
    input: `UPDATE cas SET v = 'c' WHERE k = 2 IF v = 'x';\nUPDATE cas SET v = 'c' WHERE k = 2 IF v = 'a';`,
  },
  { id: 'delete if exists', input: 'DELETE FROM cas WHERE k = 98 IF EXISTS;' },
  {
    id: 'batch',
    input: lines(
      `BEGIN BATCH`,
      `  INSERT INTO cas (k, v) VALUES (3, 'a;b');`,
      `  INSERT INTO cas (k, v) VALUES (4, 'b')`,
      `APPLY BATCH;`,
      `SELECT k, v FROM cas WHERE k IN (3, 4);`,
    ),
  },
  {
    id: 'unlogged batch on a line',
    input: `BEGIN UNLOGGED BATCH INSERT INTO cas (k, n) VALUES (5, 1); UPDATE cas SET n = 2 WHERE k = 5; APPLY BATCH;`,
  },
  {
    id: 'counter batch',
    input:
      'BEGIN COUNTER BATCH UPDATE counted SET n = n + 1 WHERE k = 2; APPLY BATCH; SELECT n FROM counted WHERE k = 2;',
  },
  { id: 'conditional batch', input: `BEGIN BATCH INSERT INTO cas (k, v) VALUES (6, 'a') IF NOT EXISTS; APPLY BATCH;` },
  { id: 'truncate', input: 'TRUNCATE empty;' },
  {
    id: 'create, alter, drop',
    input: 'CREATE TABLE passing (k int PRIMARY KEY);\nALTER TABLE passing ADD v text;\nDROP TABLE passing;',
  },
  { id: 'use', input: 'USE system;\nSELECT key FROM local;\nUSE {ks};' },
  // Roles
  {
    id: 'roles',
    input: lines(
      `CREATE ROLE IF NOT EXISTS {ks}_reader WITH PASSWORD = 'x' AND LOGIN = true;`,
      `LIST ROLES OF {ks}_reader;`,
      `GRANT SELECT ON KEYSPACE {ks} TO {ks}_reader;`,
      `LIST ALL PERMISSIONS OF {ks}_reader;`,
    ),
  },
]
