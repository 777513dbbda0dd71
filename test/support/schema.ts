/** Results against their documented schemas. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'

const FOLDER = join(import.meta.dirname, '../../docs/schemas')
const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
const known = new Map<string, ValidateFunction>()

/**
 * Fails unless the parsed JSON (or YAML) of a command is what docs/schemas/<kind>.json says: no field is missing or
 * undocumented.
 */
export function assertMatchesSchema(kind: string, json: unknown): void {
  const validate =
    known.get(kind) ?? ajv.compile(closed(JSON.parse(readFileSync(join(FOLDER, `${kind}.json`), 'utf8'))))
  known.set(kind, validate)
  assert.ok(
    validate(json),
    `${kind}: ${ajv.errorsText(validate.errors, { separator: '\n' })}\n${JSON.stringify(json, null, 2)}`,
  )
}

/** The schemas let later versions add fields; a test does not: a field that is there must be documented. */
function closed(schema: unknown): object {
  if (Array.isArray(schema))
    return schema.map((item) => (typeof item === 'object' && item !== null ? closed(item) : item))
  const copy: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(schema as object))
    copy[name] = typeof value === 'object' && value !== null ? closed(value) : value
  if ('properties' in copy && !('additionalProperties' in copy) && typeof copy.type === 'string')
    copy.additionalProperties = false
  return copy
}
