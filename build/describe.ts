/**
 * Writes descriptions of the commands: oclif.manifest.json, the help texts that bin/kubectl-cass_sni prints, and
 * docs/permissions.yaml.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { helpTexts, manifestText } from './commands.ts'
import { permissionsYaml } from './permissions.ts'

const root = dirname(import.meta.dirname)

const generated: [name: string, text: string][] = [
  ['oclif.manifest.json', await manifestText(root)],
  ['docs/permissions.yaml', permissionsYaml()],
]
for (const [name, text] of generated) {
  const file = join(root, name)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  writeFileSync(file, text)
  console.log(`${name} has changed; commit it`)
}

const directory = join(root, 'dist/help')
mkdirSync(directory, { recursive: true })
for (const [name, help] of await helpTexts(root)) writeFileSync(join(directory, `${name}.txt`), help)
