/**
 * Words that CQL accepts as a name only in quotes: those of Cassandra 3 to 5 (apache/cassandra
 * src/resources/org/apache/cassandra/cql3/reserved_keywords.txt).
 */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  (
    'add allow alter and apply asc authorize batch begin between by check columnfamily constraint create default ' +
    'delete desc describe drop entries execute from full grant if in index infinity insert into is keyspace length ' +
    'limit materialized mbean mbeans modify nan norecursive not null of on or order primary rename replace revoke ' +
    'schema select set table to token truncate unlogged unset update use using view where with'
  ).split(' '),
)
