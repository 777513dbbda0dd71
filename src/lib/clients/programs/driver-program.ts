/** What a program for a driver is filled in with, and how it is read. Pure. */

export interface ProgramValues {
  host: string
  port: number
  /** PEM file, as the program opens it. */
  caFile: string
  /** SNI names of the nodes that are contacted first. */
  hostIds: readonly string[]
  localDatacenter: string
  /** Lines of the header, without comment signs. */
  comment: readonly string[]
}

export interface DriverProgram {
  /** The name of its file. */
  file: string
  /** The library with its version, as its package manager names it. */
  library?: string | undefined
  /** Lines for a shell that install the library and run the file. */
  run: readonly string[]
  /** Where user and password come from; default: CQL_USER and CQL_PASSWORD. Empty if the file does not log in. */
  login?: string | undefined
  /** More lines for the header. `cass` returns a command of this program with the datacenter's flags. */
  notes?: ((cass: (...words: string[]) => string) => readonly string[]) | undefined
  /** Connects without TLS to a local port of `port-forward --sni any`: the one of the nodes, which drivers expect. */
  throughLocalPort?: boolean | undefined
  text: (values: ProgramValues) => string
}

/**
 * Quotes text as a string literal. JSON's escapes mean the same in Python, JavaScript, Go and Java, except that Java
 * reads \\u before it splits lines: JSON writes line breaks as \\n.
 */
export const literal = (text: string): string => JSON.stringify(text)

/** Returns lines of a comment; a line break in a value cannot end it. */
export function commentLines(sign: string, lines: readonly string[]): string {
  return lines.map((line) => `${sign} ${line.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')}\n`).join('')
}
