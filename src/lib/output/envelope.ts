/** The result as data: one envelope for all commands, in JSON or YAML. Its schema is stable (docs/output.md). */
import type { CassSniError, ErrorCode } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import { escaped } from '../text/json-text.ts'

export const API_VERSION = 'cass-sni/v1'

/** A warning with its steps as text. */
export interface Warning {
  message: string
  code?: string | undefined
  /** What to do next, the best first. */
  next?: string[] | undefined
}

export interface Envelope<Result> {
  apiVersion: typeof API_VERSION
  kind: string
  result?: Result | undefined
  changes?: ChangeRecord[] | undefined
  warnings: Warning[]
  error?: { code: ErrorCode; message: string; object?: string | undefined; next: string[] } | undefined
}

/** The outcome of one run. `changes` is omitted from the envelope if empty. */
export interface Outcome<Result> {
  result?: Result | undefined
  changes: ChangeRecord[]
  warnings: Warning[]
  error?: CassSniError | undefined
  /** The steps of the error, as text. */
  next?: readonly string[] | undefined
}

/** Returns the envelope of an outcome. */
export function envelope<Result>(
  kind: string,
  { result, changes, warnings, error, next = [] }: Outcome<Result>,
): Envelope<Result> {
  return {
    apiVersion: API_VERSION,
    kind,
    result,
    changes: changes.length > 0 ? changes : undefined,
    warnings,
    error: error && { code: error.code, message: error.message, object: error.object, next: [...next] },
  }
}

/** Returns a value as JSON or YAML text with a final newline. Control characters are escaped in both. */
export async function serialize(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${escaped(JSON.stringify(value, null, 2))}\n`
  const { Document, visit } = await import('yaml')
  const document = new Document(JSON.parse(JSON.stringify(value)))
  // YAML has escapes in double quotes only.
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && escaped(node.value) !== node.value) node.type = 'QUOTE_DOUBLE'
    },
  })
  return escaped(document.toString({ lineWidth: 0 }), 'yaml')
}

/** Returns the fields after `result` of an envelope, to append to a document that ends there. */
export async function restOfEnvelope<Result>(outcome: Envelope<Result>, format: 'json' | 'yaml'): Promise<string> {
  const { changes, warnings, error } = outcome
  const rest = await serialize({ changes, warnings, error }, format)
  return format === 'json' ? `,${rest.slice(1)}` : rest
}

/** Returns a value as JSON on one line. */
export function jsonLine(value: unknown): string {
  return `${escaped(JSON.stringify(value))}\n`
}
