/** The schema that the cases work on, made anew before each run. */
export const SCHEMA = `
DROP KEYSPACE IF EXISTS {ks};
CREATE KEYSPACE {ks} WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1} AND durable_writes = true;
USE {ks};
CREATE TABLE mark (k int PRIMARY KEY, v text);
INSERT INTO mark (k, v) VALUES (0, 'x');
CREATE TYPE address (street text, number int);
CREATE TYPE person (name text, home frozen<address>, "Nick Name" text, "select" int);
CREATE TYPE growing (a int);
CREATE TABLE every (
  id text PRIMARY KEY,
  t_ascii ascii, t_bigint bigint, t_blob blob, t_boolean boolean, t_date date, t_decimal decimal, t_double double,
  t_duration duration, t_float float, t_inet inet, t_int int, t_smallint smallint, t_text text, t_time time,
  t_timestamp timestamp, t_timeuuid timeuuid, t_tinyint tinyint, t_uuid uuid, t_varint varint,
  l_int list<int>, l_text list<text>, l_double list<double>, l_timestamp list<timestamp>, l_blob list<blob>,
  l_tuple list<frozen<tuple<int, text>>>, l_duration list<duration>, s_int set<int>, s_text set<text>,
  s_address set<frozen<address>>, m_text_int map<text, int>, m_timestamp_float map<timestamp, float>,
  m_int_list map<int, frozen<list<text>>>, m_text_address map<text, frozen<address>>, f_set frozen<set<int>>,
  f_map frozen<map<text, frozen<set<int>>>>, f_list frozen<list<frozen<list<int>>>>, u_pair tuple<int, text>,
  u_deep tuple<int, frozen<tuple<text, frozen<list<int>>>>>, p_person frozen<person>, p_address address,
  p_growing frozen<growing>, v_float vector<float, 3>, v_int vector<int, 2>, v_text vector<text, 2>);
CREATE TABLE counted (k int PRIMARY KEY, n counter);
CREATE TABLE clustered (p int, c int, s text STATIC, v text, PRIMARY KEY (p, c)) WITH CLUSTERING ORDER BY (c DESC)
  AND comment = 'it''s one';
CREATE TABLE empty (p int, c float, v list<text>, PRIMARY KEY (p, c));
CREATE TABLE "Mixed_Case" ("Key" int PRIMARY KEY, "Group by" text, "qu""ote" text);
CREATE TABLE cas (k int PRIMARY KEY, v text, n int);
CREATE TABLE copied (k int PRIMARY KEY, t text, d double, l list<text>, w timestamp);
CREATE INDEX clustered_v ON clustered (v);
INSERT INTO clustered (p, c, s, v) VALUES (1, 1, 'static', 'one');
INSERT INTO clustered (p, c, v) VALUES (1, 2, 'two');
INSERT INTO clustered (p, c, v) VALUES (1, 3, 'three');
INSERT INTO clustered (p, s) VALUES (2, 'alone');
INSERT INTO "Mixed_Case" ("Key", "Group by", "qu""ote") VALUES (1, 'a', 'b');
INSERT INTO copied (k, t, d, l, w) VALUES (1, 'one, "two"', 0.5, ['a', 'b'], '2026-11-25 10:20:30.456+0000');
INSERT INTO copied (k, t) VALUES (2, '');
INSERT INTO copied (k) VALUES (3);
INSERT INTO copied (k, t) VALUES (4, 'two
lines');
`

/** Files that the cases read, by name. */
export const FILES: Record<string, string> = {
  'source.cql': 'SELECT v FROM {ks}.clustered WHERE p = 1 AND c = 1;\n',
  'mistake.cql':
    'SELECT nosuch FROM {ks}.clustered;\nSELECT v FROM {ks}.clustered WHERE p = 1 AND c = 2;\n' +
    'SELECT other FROM {ks}.clustered;\n',
  'use.cql': 'USE system;\n',
  'level.cql': 'CONSISTENCY TWO\n',
  'shown.cql': 'CONSISTENCY\n',
}
