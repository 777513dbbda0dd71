/**
 * The grammar of CQL for completion; in places it accepts more than Cassandra does. Source: apache/cassandra
 * src/antlr/Parser.g of 5.0.
 */
import type { Leaf } from './grammar-notation.ts'

const list = (part: string): string => `${part} {',' ${part}}`
const all = (part: string): string => `${part} {AND ${part}}`
const map = (...keys: string[]): string => {
  const entry = `(${[...keys.map((key) => `"${key}"`), '<value>'].join(' | ')}) ':' <value>`
  return `'{' ${list(entry)} '}'`
}
const classMap = (classes: string[], ...keys: string[]): string => {
  const named = classes.map((name) => `"${name}"`).join(' | ')
  const entry = `(${[...keys.map((key) => `"${key}"`), '<value>'].join(' | ')}) ':' <value>`
  return `'{' "class" ':' (${named} | <value>) {',' ${entry}} '}'`
}

const COMPACTION = classMap(
  [
    'SizeTieredCompactionStrategy',
    'LeveledCompactionStrategy',
    'TimeWindowCompactionStrategy',
    'UnifiedCompactionStrategy',
  ],
  'enabled',
  'tombstone_threshold',
  'tombstone_compaction_interval',
  'unchecked_tombstone_compaction',
  'only_purge_repaired_tombstones',
  'provide_overlapping_tombstones',
  'min_threshold',
  'max_threshold',
  'min_sstable_size',
  'bucket_high',
  'bucket_low',
  'sstable_size_in_mb',
  'fanout_size',
  'compaction_window_unit',
  'compaction_window_size',
  'timestamp_resolution',
  'scaling_parameters',
  'target_sstable_size',
  'base_shard_count',
)
const COMPRESSION = classMap(
  ['LZ4Compressor', 'SnappyCompressor', 'DeflateCompressor', 'ZstdCompressor', 'NoopCompressor'],
  'chunk_length_in_kb',
  'enabled',
  'min_compress_ratio',
)

const INDEX_OPTIONS = map('case_sensitive', 'normalize', 'ascii', 'similarity_function')

/** Options of tables and views with a value of one token. */
const PLAIN_OPTIONS = [
  'additional_write_policy',
  'allow_auto_snapshot',
  'bloom_filter_fp_chance',
  'comment',
  'crc_check_chance',
  'default_time_to_live',
  'gc_grace_seconds',
  'incremental_backups',
  'max_index_interval',
  'memtable',
  'memtable_flush_period_in_ms',
  'min_index_interval',
  'speculative_retry',
]

/** By name; "statement" is the start rule. */
export const CQL_RULES: Readonly<Record<string, string>> = {
  statement:
    '<use> | <select> | <insert> | <update> | <delete> | <batch> | <truncate> | <create keyspace> | <create table> | ' +
    '<create index> | <create view> | <create type> | <create function> | <create aggregate> | <create trigger> | ' +
    '<create role> | <create user> | <alter keyspace> | <alter table> | <alter view> | <alter type> | <alter role> | ' +
    '<alter user> | <drop> | <grant> | <revoke> | <list>',
  use: 'USE <keyspace>',

  select:
    'SELECT [JSON] [DISTINCT] <selectors> FROM <table or view> [WHERE <relations>] ' +
    `[GROUP BY ${list('<grouping>')}] [ORDER BY ${list('<ordering>')}] [PER PARTITION LIMIT <value>] ` +
    '[LIMIT <value>] [ALLOW FILTERING]',
  selectors: `'*' | ${list('<selector> [AS <new name>]')}`,
  selector:
    "COUNT '(' ('*' | <value> | <column>) ')' | CAST '(' <selector> AS <type> ')' | " +
    `(WRITETIME | MAXWRITETIME | TTL) '(' <column> ')' | TOKEN '(' ${list('<column>')} ')' | ` +
    `<function> '(' [${list('<selector>')}] ')' | <column> ['[' <term> ']' | '.' <new name>] | <value>`,
  grouping: `<column> | <function> '(' ${list('(<column> | <value>)')} ')'`,
  ordering: '<column> [ASC | DESC | ANN OF <term>]',

  insert:
    `INSERT INTO <table> ('(' ${list('<column>')} ')' VALUES '(' ${list('<term>')} ')' | ` +
    `JSON <value> [DEFAULT (NULL | UNSET)]) [IF NOT EXISTS] [USING ${all('<using>')}]`,
  using: 'TTL <value> | TIMESTAMP <value>',
  update: `UPDATE <table> [USING ${all('<using>')}] SET ${list('<assignment>')} WHERE <relations> [IF <conditions>]`,
  assignment: "<column> ['[' <term> ']' | '.' <new name>] ('=' | '+=' | '-=') <assigned> {('+' | '-') <assigned>}",
  assigned: '<column> | <term>',
  delete:
    "DELETE [<deleted> {',' <deleted>}] FROM <table> [USING TIMESTAMP <value>] WHERE <relations> [IF <conditions>]",
  deleted: "<column> ['[' <term> ']' | '.' <new name>]",
  batch:
    "BEGIN [UNLOGGED | COUNTER] BATCH [USING TIMESTAMP <value>] {(<insert> | <update> | <delete>) [';']} APPLY BATCH",
  truncate: 'TRUNCATE [TABLE] <table>',

  relations: all('<relation>'),
  relation:
    "<column> ['[' <term> ']'] (<comparison> <term> | IN <values> | CONTAINS [KEY] <term> | LIKE <term> | " +
    "BETWEEN <term> AND <term> | ':' <term>) | " +
    `TOKEN '(' ${list('<column>')} ')' <comparison> <term> | ` +
    `'(' ${list('<column>')} ')' (<comparison> <term> | IN <values>)`,
  conditions: `EXISTS | ${all('<condition>')}`,
  condition: "<column> ['[' <term> ']' | '.' <new name>] (<comparison> <term> | IN <values> | CONTAINS [KEY] <term>)",
  comparison: "'=' | '<' | '>' | '<=' | '>=' | '!='",
  values: `'(' [${list('<term>')}] ')' | '?'`,
  term: "<factor> {('+' | '-' | '*' | '/' | '%') <factor>}",
  factor:
    `<value> | <function> '(' [${list('<term>')}] ')' | TOKEN '(' ${list('<term>')} ')' | ` +
    "CAST '(' <term> AS <type> ')' | " +
    `'[' [${list('<term>')}] ']' | '{' [${list("(<new name> | <term>) [':' <term>]")}] '}' | ` +
    `'(' ${list('<term>')} ')' | '(' <type> ')' <factor>`,

  type:
    "<simple type> | <user type> | FROZEN '<' <type> '>' | (LIST | SET) '<' <type> '>' | " +
    "MAP '<' <type> ',' <type> '>' | " +
    `TUPLE '<' ${list('<type>')} '>' | VECTOR '<' <type> ',' <value> '>' | <value>`,
  'simple type':
    'ascii | bigint | blob | boolean | counter | date | decimal | double | duration | float | inet | int | ' +
    'smallint | text | time | timestamp | timeuuid | tinyint | uuid | varchar | varint',

  'create keyspace': `CREATE KEYSPACE [IF NOT EXISTS] <new name> WITH ${all('<keyspace option>')}`,
  'alter keyspace': `ALTER KEYSPACE [IF EXISTS] <keyspace> WITH ${all('<keyspace option>')}`,
  'keyspace option': `replication '=' '{' "class" ':' <replication> '}' | durable_writes '=' (true | false)`,
  replication:
    `"NetworkTopologyStrategy" {',' (<datacenter> | "replication_factor") ':' <value>} | ` +
    `"SimpleStrategy" ',' "replication_factor" ':' <value> | <value> {',' <value> ':' <value>}`,

  'create table':
    `CREATE TABLE [IF NOT EXISTS] <new table> '(' ${list('<definition>')} ')' ` + `[WITH ${all('<table option>')}]`,
  definition:
    `PRIMARY KEY '(' (<declared> | '(' ${list('<declared>')} ')') {',' <declared>} ')' | ` +
    '<new name> <type> [STATIC] [<mask>] [PRIMARY KEY]',
  mask: `MASKED WITH (DEFAULT | <function> '(' [${list('<term>')}] ')')`,
  'table option':
    `CLUSTERING ORDER BY '(' ${list('<declared> [ASC | DESC]')} ')' | COMPACT STORAGE | ` +
    `caching '=' ${map('keys', 'rows_per_partition')} | cdc '=' (true | false) | compaction '=' ${COMPACTION} | ` +
    `compression '=' ${COMPRESSION} | read_repair '=' ("BLOCKING" | "NONE") | ` +
    `${PLAIN_OPTIONS.map((name) => `${name} '=' <value>`).join(' | ')}`,
  'create index':
    'CREATE [CUSTOM] INDEX [IF NOT EXISTS] [<new name>] ON <table> ' +
    "'(' (<column> | (KEYS | VALUES | ENTRIES | FULL) '(' <column> ')') ')' " +
    `[USING ("sai" | "legacy_local_table" | <value>)] [WITH OPTIONS '=' ${INDEX_OPTIONS}]`,
  'create view':
    'CREATE MATERIALIZED VIEW [IF NOT EXISTS] <new table> AS SELECT <selectors> FROM <table> ' +
    `WHERE ${all('(<column> IS NOT NULL | <relation>)')} ` +
    `PRIMARY KEY '(' (<column> | '(' ${list('<column>')} ')') {',' <column>} ')' [WITH ${all('<table option>')}]`,
  'create type': `CREATE TYPE [IF NOT EXISTS] <new table> '(' ${list('<new name> <type>')} ')'`,
  'create function':
    `CREATE [OR REPLACE] FUNCTION [IF NOT EXISTS] <new table> '(' [${list('<new name> <type>')}] ')' ` +
    '(CALLED | RETURNS NULL) ON NULL INPUT RETURNS <type> LANGUAGE (java | javascript) AS <value>',
  'create aggregate':
    `CREATE [OR REPLACE] AGGREGATE [IF NOT EXISTS] <new table> '(' [${list('<type>')}] ')' SFUNC <user function> ` +
    'STYPE <type> [FINALFUNC <user function>] [INITCOND <term>]',
  'create trigger': 'CREATE TRIGGER [IF NOT EXISTS] <new name> ON <table> USING <value>',

  'alter table': 'ALTER TABLE [IF EXISTS] <table> <table change>',
  'table change':
    `ADD [IF NOT EXISTS] (<new name> <type> [STATIC] [<mask>] {',' <new name> <type> [STATIC] [<mask>]} | ` +
    `'(' ${list('<new name> <type>')} ')') | ` +
    `DROP [IF EXISTS] (${list('<column>')} | '(' ${list('<column>')} ')') [USING TIMESTAMP <value>] | ` +
    `RENAME [IF EXISTS] ${all('<column> TO <new name>')} | ` +
    `ALTER [IF EXISTS] <column> (<mask> | DROP MASKED) | WITH ${all('<table option>')}`,
  'alter view': `ALTER MATERIALIZED VIEW [IF EXISTS] <view> WITH ${all('<table option>')}`,
  'alter type':
    'ALTER TYPE [IF EXISTS] <user type> ' +
    `(ADD [IF NOT EXISTS] <new name> <type> | RENAME [IF EXISTS] ${all('<field> TO <new name>')})`,

  drop:
    'DROP (KEYSPACE [IF EXISTS] <keyspace> | TABLE [IF EXISTS] <table> | INDEX [IF EXISTS] <index> | ' +
    'MATERIALIZED VIEW [IF EXISTS] <view> | TYPE [IF EXISTS] <user type> | ' +
    `FUNCTION [IF EXISTS] <user function> ['(' [${list('<type>')}] ')'] | ` +
    `AGGREGATE [IF EXISTS] <aggregate> ['(' [${list('<type>')}] ')'] | ` +
    'TRIGGER [IF EXISTS] <trigger> ON <table> | ROLE [IF EXISTS] <role> | USER [IF EXISTS] <role>)',

  'create role': `CREATE ROLE [IF NOT EXISTS] <new role> [WITH ${all('<role option>')}]`,
  'alter role': `ALTER ROLE [IF EXISTS] <role> [WITH ${all('<role option>')}]`,
  'role option':
    "[HASHED] PASSWORD '=' <value> | GENERATED PASSWORD | (LOGIN | SUPERUSER) '=' (true | false) | " +
    `OPTIONS '=' ${map()} | ACCESS TO (ALL DATACENTERS | DATACENTERS '{' ${list('<datacenter>')} '}') | ` +
    `ACCESS FROM (ALL CIDRS | CIDRS '{' ${list('<value>')} '}')`,
  'create user': 'CREATE USER [IF NOT EXISTS] <new role> <user options>',
  'alter user': 'ALTER USER [IF EXISTS] <role> <user options>',
  'user options': '[WITH [HASHED] PASSWORD <value>] [SUPERUSER | NOSUPERUSER]',
  grant: 'GRANT (<permissions> ON <resource> | <role>) TO <role>',
  revoke: 'REVOKE (<permissions> ON <resource> | <role>) FROM <role>',
  list:
    'LIST (ROLES [OF <role>] [NORECURSIVE] | USERS | SUPERUSERS | ' +
    '<permissions> [ON <resource>] [OF <role>] [NORECURSIVE])',
  permissions: `ALL [PERMISSIONS] | ${list('<permission> [PERMISSION]')}`,
  permission: 'ALTER | AUTHORIZE | CREATE | DESCRIBE | DROP | EXECUTE | MODIFY | SELECT | SELECT_MASKED | UNMASK',
  resource:
    'ALL KEYSPACES | KEYSPACE <keyspace> | ALL TABLES IN KEYSPACE <keyspace> | [TABLE] <table> | ALL ROLES | ' +
    'ROLE <role> | ALL FUNCTIONS [IN KEYSPACE <keyspace>] | ' +
    `FUNCTION <user function> '(' [${list('<type>')}] ')' | ALL MBEANS | (MBEAN | MBEANS) <value>`,
}

export const CQL_LEAVES: Readonly<Record<string, Leaf>> = {
  aggregate: 'qualified name',
  column: 'name',
  datacenter: 'string',
  /** A column that the statement declares. */
  declared: 'name',
  field: 'name',
  function: 'qualified name',
  index: 'qualified name',
  keyspace: 'name',
  'new name': 'name',
  'new role': 'name or string',
  'new table': 'qualified name',
  role: 'name or string',
  table: 'qualified name',
  'table or view': 'qualified name',
  trigger: 'name',
  'user function': 'qualified name',
  'user type': 'qualified name',
  value: 'value',
  view: 'qualified name',
}
