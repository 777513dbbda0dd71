/** The commands as oclif sees them. */
import { Config, Help, Plugin } from '@oclif/core'

/** The text of oclif.manifest.json for the commands in dist/, without what differs from machine to machine. */
export async function manifestText(root: string): Promise<string> {
  const plugin = new Plugin({ root, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true })
  await plugin.load()
  const { commands, version } = plugin.manifest
  const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)))
  return `${JSON.stringify({ commands: sorted, version }, null, 2)}\n`
}

/** A help class that writes into a list. */
class Recorder extends Help {
  readonly lines: string[] = []
  protected override log(...args: string[]): void {
    this.lines.push(args.join(' '))
  }
}

/** oclif's own help for the root ("index"), each topic and each command ("routes.sync"), 80 columns wide, without colour and without what differs from machine to machine. */
export async function helpTexts(root: string): Promise<Map<string, string>> {
  const config = await Config.load(root)
  const ids = [
    ...config.topics.map((topic) => topic.name),
    ...config.commandIDs.filter((id) => !config.findCommand(id)?.hidden),
  ]
  const texts = new Map<string, string>()
  for (const id of ['', ...new Set(ids)]) {
    const help = new Recorder(config, { ...config.pjson.oclif.helpOptions, maxWidth: 80, stripAnsi: true })
    await help.showHelp(id === '' ? ['--help'] : [id])
    texts.set(
      id === '' ? 'index' : id.replaceAll(':', '.'),
      `${help.lines.join('\n')}\n`.replaceAll(config.userAgent, `${config.name}/${config.version}`),
    )
  }
  return texts
}
