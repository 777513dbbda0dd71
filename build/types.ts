/**
 * Checks the types of src/, and writes the schemas of the results, which are generated from the types (docs/schemas).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { schemas, schemaText } from './schemas.ts'

const root = dirname(import.meta.dirname)
const { schemas: generated, problems } = schemas(root)
const directory = join(root, 'docs/schemas')
mkdirSync(directory, { recursive: true })
for (const [kind, schema] of generated) {
  const file = join(directory, `${kind}.json`)
  const text = schemaText(schema)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  writeFileSync(file, text)
  console.log(`docs/schemas/${kind}.json has changed; commit it`)
}
process.stderr.write(problems)
process.exitCode = problems === '' ? 0 : 1
