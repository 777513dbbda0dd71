/** The text of HELP. */
export const HELP = `CQL statements end with a semicolon and may take several lines.
Commands of the shell end with their line:

  CONSISTENCY [level]         show or set the consistency level
  SERIAL CONSISTENCY [level]  the same for lightweight transactions
  DESCRIBE …                  CLUSTER, KEYSPACES, KEYSPACE x, SCHEMA,
                              TABLES, TABLE x, TYPES, TYPE x, INDEX x,
                              FUNCTIONS, FUNCTION x, AGGREGATES, AGGREGATE x,
                              MATERIALIZED VIEW x
  EXPAND [ON | OFF]           one line per column instead of one per row
  PAGING [ON | OFF | rows]    how many rows are fetched and shown at once
  SHOW HOST, SHOW VERSION     where the session leads to, and what answers
  SOURCE 'file'               execute the statements of a file
  TRACING [ON | OFF]          show what Cassandra did for each statement
  CLEAR                       clear the screen
  EXIT, QUIT, Ctrl-D          leave

Ctrl-C clears the line, or gives up waiting for a statement that runs.
Text is shown with control characters as escapes (\\n, \\x1b);
-o csv and -o json keep it as it is.
`
