/** Short syntax of CQL by topic, for HELP. Source of the syntax: apache/cassandra src/antlr/Parser.g. */

const ROLE_OPTIONS = `    PASSWORD = '…' | HASHED PASSWORD = '…' | GENERATED PASSWORD
    LOGIN = true | false
    SUPERUSER = true | false
    OPTIONS = {…}
    ACCESS TO DATACENTERS {'<dc>', …} | ACCESS TO ALL DATACENTERS
    ACCESS FROM CIDRS {'<group>', …} | ACCESS FROM ALL CIDRS
`

/** By topic, in capitals. Lines of at most 80 columns. */
export const CQL_TOPICS: Readonly<Record<string, string>> = {
  AGGREGATES: `COUNT(*), COUNT(<column>), MIN(…), MAX(…), SUM(…), AVG(…), and those of
CREATE AGGREGATE.
`,
  'ALTER KEYSPACE': `ALTER KEYSPACE [IF EXISTS] <name>
  WITH replication = {'class': 'NetworkTopologyStrategy', '<dc>': <copies>}
  [AND durable_writes = true | false]
`,
  'ALTER MATERIALIZED VIEW': `ALTER MATERIALIZED VIEW [IF EXISTS] <name> WITH <option> = <value> [AND …]
`,
  'ALTER ROLE': `ALTER ROLE [IF EXISTS] <name> [WITH <option> [AND …]]

${ROLE_OPTIONS}`,
  'ALTER TABLE': `ALTER TABLE [IF EXISTS] <table> ADD [IF NOT EXISTS] <column> <type> [, …]
ALTER TABLE [IF EXISTS] <table> DROP [IF EXISTS] <column> [, …]
ALTER TABLE [IF EXISTS] <table>
  RENAME [IF EXISTS] <column> TO <column> [AND …]
ALTER TABLE [IF EXISTS] <table>
  ALTER [IF EXISTS] <column> MASKED WITH <function> | DROP MASKED
ALTER TABLE [IF EXISTS] <table> WITH <option> = <value> [AND …]
`,
  'ALTER TYPE': `ALTER TYPE [IF EXISTS] <name> ADD [IF NOT EXISTS] <field> <type>
ALTER TYPE [IF EXISTS] <name> RENAME [IF EXISTS] <field> TO <field> [AND …]
`,
  'ALTER USER': `ALTER USER [IF EXISTS] <name>
  [WITH PASSWORD '…' | HASHED PASSWORD '…'] [SUPERUSER | NOSUPERUSER]
`,
  BATCH: `BEGIN [UNLOGGED | COUNTER] BATCH [USING TIMESTAMP <microseconds>]
  <INSERT, UPDATE or DELETE>;
  …
APPLY BATCH;
`,
  BLOB: `Bytes in hexadecimal, without quotes: 0xcafe
`,
  BOOLEAN: `true | false
`,
  COUNTER: `Only UPDATE can change a counter: SET <column> = <column> + 1
Its table has no other columns outside the primary key.
`,
  'CREATE AGGREGATE': `CREATE [OR REPLACE] AGGREGATE [IF NOT EXISTS] <name> (<type>, …)
  SFUNC <function> STYPE <type> [FINALFUNC <function>] [INITCOND <value>]
`,
  'CREATE FUNCTION': `CREATE [OR REPLACE] FUNCTION [IF NOT EXISTS] <name> (<argument> <type>, …)
  CALLED ON NULL INPUT | RETURNS NULL ON NULL INPUT
  RETURNS <type> LANGUAGE java AS $$ … $$
`,
  'CREATE INDEX': `CREATE [CUSTOM] INDEX [IF NOT EXISTS] [<name>] ON <table> (<column>)
  [USING 'sai' | '<class>'] [WITH OPTIONS = {…}]

The column of a collection may be KEYS(…), VALUES(…), ENTRIES(…) or FULL(…).
`,
  'CREATE KEYSPACE': `CREATE KEYSPACE [IF NOT EXISTS] <name>
  WITH replication = {'class': 'NetworkTopologyStrategy', '<dc>': <copies>}
  [AND durable_writes = true | false]
`,
  'CREATE MATERIALIZED VIEW': `CREATE MATERIALIZED VIEW [IF NOT EXISTS] <name> AS
  SELECT <columns> FROM <table>
  WHERE <column> IS NOT NULL [AND …]
  PRIMARY KEY (<columns>) [WITH <option> = <value> [AND …]]
`,
  'CREATE ROLE': `CREATE ROLE [IF NOT EXISTS] <name> [WITH <option> [AND …]]

${ROLE_OPTIONS}`,
  'CREATE TABLE': `CREATE TABLE [IF NOT EXISTS] <table> (
  <column> <type> [STATIC] [PRIMARY KEY] [MASKED WITH <function>],
  …
  [PRIMARY KEY ((<partition key>), <clustering columns>)]
) [WITH CLUSTERING ORDER BY (<column> [ASC | DESC], …)
  [AND <option> = <value> …]]
`,
  'CREATE TRIGGER': `CREATE TRIGGER [IF NOT EXISTS] <name> ON <table> USING '<class>'
`,
  'CREATE TYPE': `CREATE TYPE [IF NOT EXISTS] <name> (<field> <type>, …)
`,
  'CREATE USER': `CREATE USER [IF NOT EXISTS] <name>
  [WITH PASSWORD '…' | HASHED PASSWORD '…'] [SUPERUSER | NOSUPERUSER]
`,
  DATE: `'2026-11-25', or a whole number of days where 2^31 is 1970-01-01.
`,
  DELETE: `DELETE [<columns>] FROM <table>
  [USING TIMESTAMP <microseconds>]
  WHERE <condition> [AND …]
  [IF EXISTS | IF <condition> [AND …]]
`,
  'DROP AGGREGATE': `DROP AGGREGATE [IF EXISTS] <name> [(<type>, …)]
`,
  'DROP FUNCTION': `DROP FUNCTION [IF EXISTS] <name> [(<type>, …)]
`,
  'DROP INDEX': `DROP INDEX [IF EXISTS] [<keyspace>.]<name>
`,
  'DROP KEYSPACE': `DROP KEYSPACE [IF EXISTS] <name>
`,
  'DROP MATERIALIZED VIEW': `DROP MATERIALIZED VIEW [IF EXISTS] <name>
`,
  'DROP ROLE': `DROP ROLE [IF EXISTS] <name>
`,
  'DROP TABLE': `DROP TABLE [IF EXISTS] <table>
`,
  'DROP TRIGGER': `DROP TRIGGER [IF EXISTS] <name> ON <table>
`,
  'DROP TYPE': `DROP TYPE [IF EXISTS] <name>
`,
  'DROP USER': `DROP USER [IF EXISTS] <name>
`,
  DURATION: `1y2mo3w4d5h6m7s8ms9us10ns, or ISO 8601: P1Y2M3DT4H5M6S
`,
  FUNCTIONS: `TOKEN(…), TTL(…), WRITETIME(…), CAST(… AS <type>), UUID(), NOW(),
CURRENT_TIMESTAMP(), CURRENT_DATE(), CURRENT_TIME(), TO_DATE(…),
TO_TIMESTAMP(…), TO_UNIX_TIMESTAMP(…), MIN_TIMEUUID(…), MAX_TIMEUUID(…),
<type>_AS_BLOB(…), BLOB_AS_<type>(…), TO_JSON(…), FROM_JSON(…), and those of
CREATE FUNCTION.
`,
  GRANT: `GRANT <role> TO <role>
GRANT <permission> ON <resource> TO <role>

HELP PERMISSIONS lists permissions and resources.
`,
  INET: `'10.0.0.1' | '2001:db8::1'
`,
  INSERT: `INSERT INTO <table> (<columns>) VALUES (<values>)
  [IF NOT EXISTS]
  [USING TTL <seconds> [AND TIMESTAMP <microseconds>]]
`,
  'INSERT JSON': `INSERT INTO <table> JSON '{"<column>": <value>, …}'
  [DEFAULT NULL | DEFAULT UNSET] [IF NOT EXISTS] [USING TTL <seconds>]
`,
  INT: `Whole numbers: tinyint (8 bits), smallint (16), int (32), bigint (64),
varint (any size).
`,
  JSON: `SELECT JSON <columns> FROM …
INSERT INTO <table> JSON '…'
`,
  'LIST PERMISSIONS': `LIST ALL [PERMISSIONS] | <permission>
  [ON <resource>] [OF <role>] [NORECURSIVE]
`,
  'LIST ROLES': `LIST ROLES [OF <role>] [NORECURSIVE]
`,
  'LIST USERS': `LIST USERS
`,
  PERMISSIONS: `Permissions: ALL [PERMISSIONS], ALTER, AUTHORIZE, CREATE, DESCRIBE, DROP,
EXECUTE, MODIFY, SELECT, UNMASK, SELECT_MASKED

Resources: ALL KEYSPACES | KEYSPACE <name> | [TABLE] <table>
           ALL TABLES IN KEYSPACE <name>
           ALL ROLES | ROLE <name>
           ALL FUNCTIONS [IN KEYSPACE <name>] | FUNCTION <name> (<type>, …)
           ALL MBEANS | MBEAN '<name>' | MBEANS '<pattern>'
`,
  REVOKE: `REVOKE <role> FROM <role>
REVOKE <permission> ON <resource> FROM <role>

HELP PERMISSIONS lists permissions and resources.
`,
  SELECT: `SELECT [JSON] [DISTINCT] * | <column> [AS <name>], … FROM <table>
  [WHERE <condition> [AND …]]
  [GROUP BY <column>, …]
  [ORDER BY <column> [ASC | DESC], … | ORDER BY <column> ANN OF [<vector>]]
  [PER PARTITION LIMIT <rows>] [LIMIT <rows>]
  [ALLOW FILTERING]
`,
  TEXT: `'text', with each quote inside doubled: 'it''s'; or $$ it's $$
`,
  TIME: `'08:12:54.123456789', or a whole number of nanoseconds since midnight.
`,
  TIMESTAMP: `'2026-11-25T08:12:54.123Z' | '2026-11-25 08:12+0100' | '2026-11-25', or a
whole number of milliseconds since 1970-01-01 UTC.
`,
  TRUNCATE: `TRUNCATE [TABLE] <table>
`,
  TYPES: `ascii, bigint, blob, boolean, counter, date, decimal, double, duration, float,
inet, int, smallint, text, time, timestamp, timeuuid, tinyint, uuid, varchar,
varint

list<type>, set<type>, map<type, type>, tuple<type, …>, vector<type, size>,
frozen<type>, and those of CREATE TYPE.
`,
  UPDATE: `UPDATE <table>
  [USING TTL <seconds> [AND TIMESTAMP <microseconds>]]
  SET <column> = <value>, …
  WHERE <condition> [AND …]
  [IF EXISTS | IF <condition> [AND …]]
`,
  USE: `USE <keyspace>
`,
  UUID: `123e4567-e89b-12d3-a456-426614174000, without quotes. UUID() generates a
random one, NOW() a timeuuid.
`,
}

/** Other names of topics. */
export const CQL_ALIASES: Readonly<Record<string, string>> = {
  'ALTER COLUMNFAMILY': 'ALTER TABLE',
  APPLY: 'BATCH',
  ASCII: 'TEXT',
  BEGIN: 'BATCH',
  'CREATE COLUMNFAMILY': 'CREATE TABLE',
  'DROP COLUMNFAMILY': 'DROP TABLE',
  'SELECT JSON': 'JSON',
}
