/** What both shells are given. `{ks}` stands for the keyspace of the shell at hand. */

/** Statements and commands that run in one process with the other cases, each between two marks. */
export interface Case {
  /** Unique; docs and differences name it. */
  id: string
  input: string
  /** The rows have no order: lines are compared sorted. */
  unordered?: true | undefined
  /** What is compared instead of the whole output, where that differs from run to run. */
  reduce?: ((text: string) => string) | undefined
}

/** The same in a process of its own: what the input ends with, and the exit code. */
export interface ProcessCase extends Case {
  input: string
  /** How the input is handed over. */
  by: '-e' | '-f' | 'pipe'
  /** Instead of `input` where that is no text. */
  bytes?: Buffer | undefined
  /** Of a process with -e. */
  stdin?: string | undefined
  /** Flags that both shells have. */
  flags?: string[] | undefined
}

/** Where the two shells differ on purpose, after `canonicalOutput` and `canonicalErrors`. */
export interface Difference {
  /** Of a case, or of several that differ the same way. */
  case: string | readonly string[]
  of: 'stdout' | 'stderr' | 'exit code'
  ours: string
  theirs: string
  /** A heading of docs/cqlsh.md that gives the reason. */
  why: string
}

/** A text of several lines. */
export const lines = (...all: string[]): string => all.join('\n')
