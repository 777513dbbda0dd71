/** The commands as the committed manifest describes them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

interface ManifestFlag {
  name: string
  char?: string
  type: string
  options?: string[]
  required?: boolean
  hidden?: boolean
  helpGroup?: string
  helpValue?: string
  summary?: string
  description?: string
  default?: unknown
  multiple?: boolean
}

interface ManifestCommand {
  id: string
  summary?: string
  description?: string
  hidden?: boolean
  examples?: (string | { command: string; description: string })[]
  flags: Record<string, ManifestFlag>
  args: Record<string, unknown>
}

const manifest: { commands: Record<string, ManifestCommand> } = JSON.parse(
  readFileSync(join(root, 'oclif.manifest.json'), 'utf8'),
)

/** All commands but hidden ones, by id. */
export const commands = Object.values(manifest.commands).filter(({ hidden }) => !hidden)
