/** The commands as oclif loads them. */
import { Config, Plugin } from '@oclif/core'
import { describedBy, helpNames, helpText } from '../src/lib/cli/help.ts'

/** Returns the text of oclif.manifest.json for the commands in dist/, independent of the machine. */
export async function manifestText(root: string): Promise<string> {
  const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true })
  await plugin.load()
  const { commands, version } = plugin.manifest
  const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify({ commands: sorted, version }, null, 2)}\n`
}

/** Returns the help texts by file name: "index", "options", each topic and each command ("routes.sync"). */
export async function helpTexts(root: string): Promise<Map<string, string>> {
  const described = describedBy(await Config.load(root))
  return new Map(
    helpNames(described).map((name) => [
      name === '' ? 'index' : name.replaceAll(' ', '.'),
      helpText(name, described) ?? '',
    ]),
  )
}
