/** The result as data: one envelope for all commands, in JSON or YAML. Its form is a promise (docs/output.md). */
import type { CassSniError, ErrorCode } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'

export const API_VERSION = 'cass-sni/v1'

export interface Warning {
  message: string
  code?: string
}

export interface Envelope<Result> {
  apiVersion: typeof API_VERSION
  kind: string
  result?: Result
  changes?: ChangeRecord[]
  warnings: Warning[]
  error?: { code: ErrorCode; message: string; object?: string; next: string[] }
}

/** What happened in one run. `changes` is left out when the command tells of none. */
export interface Outcome<Result> {
  result?: Result | undefined
  changes: ChangeRecord[]
  warnings: Warning[]
  error?: CassSniError | undefined
}

/** Puts an outcome into the documented form. */
export function envelope<Result>(kind: string, { result, changes, warnings, error }: Outcome<Result>): Envelope<Result> {
  return {
    apiVersion: API_VERSION,
    kind,
    ...(result === undefined ? {} : { result }),
    ...(changes.length > 0 ? { changes } : {}),
    warnings,
    ...(error ? { error: { code: error.code, message: error.message, ...(error.object ? { object: error.object } : {}), next: error.next } } : {}),
  }
}

/** A value as JSON or YAML text with a last newline. Control characters are escaped by both. */
export async function serialise(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${escapeControls(JSON.stringify(value, null, 2))}\n`
  const { stringify } = await import('yaml')
  return escapeControls(stringify(JSON.parse(JSON.stringify(value)), { lineWidth: 0 }))
}

/** JSON.stringify escapes C0 but not DEL, C1 and bidi controls; in a double-quoted YAML scalar the same escape holds. */
function escapeControls(text: string): string {
  return text.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
