/** The type check of src/, and the schemas of the results, which come from the types (docs/schemas). */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { schemas, schemaText } from './schemas.ts'

const root = dirname(import.meta.dirname)
const { schemas: made, problems } = schemas(root)
const folder = join(root, 'docs/schemas')
mkdirSync(folder, { recursive: true })
for (const [kind, schema] of made) {
  const file = join(folder, `${kind}.json`)
  const text = schemaText(schema)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  writeFileSync(file, text)
  console.log(`docs/schemas/${kind}.json has changed: commit it.`)
}
process.stderr.write(problems)
process.exitCode = problems === '' ? 0 : 1
