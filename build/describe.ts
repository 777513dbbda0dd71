/** Writes descriptions of the commands: oclif.manifest.json, and the help texts that bin/kubectl-cass_sni prints. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { helpTexts, manifestText } from './commands.ts'

const root = dirname(import.meta.dirname)

const manifest = join(root, 'oclif.manifest.json')
const text = await manifestText(root)
if (!existsSync(manifest) || readFileSync(manifest, 'utf8') !== text) {
  writeFileSync(manifest, text)
  console.log('oclif.manifest.json has changed; commit it')
}

const directory = join(root, 'dist/help')
mkdirSync(directory, { recursive: true })
for (const [name, help] of await helpTexts(root)) writeFileSync(join(directory, `${name}.txt`), help)
