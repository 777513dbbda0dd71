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
