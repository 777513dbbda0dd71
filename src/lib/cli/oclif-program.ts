/**
 * The commands and topics for oclif. `Config.load` of oclif searches the disk for plugins and imports a command from
 * its file; the build has the manifest and all commands in one file, which saves 30 ms of each start.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Config, type Hook } from '@oclif/core'

/** Returns the class of a command by oclif's ID ("routes:sync"). */
export type CommandClass = (id: string) => new (argv: string[], config: Config) => Runnable

/** oclif's entry point of a command, which `Config.runCommand` calls too. */
interface Runnable {
  _run(): Promise<unknown>
}

export interface Program {
  readonly config: Config
  run(id: string, argv: string[]): Promise<unknown>
}

/** The program of the build. `root` is the directory of package.json. */
export function builtProgram(root: string, commandClass: CommandClass): Program {
  const config = new BuiltConfig(root)
  return { config, run: (id, argv) => new (commandClass(id))(argv, config)._run() }
}

/** The program of src/, without a build or a manifest. */
export async function sourceProgram(root: string): Promise<Program> {
  const pjson = readJson<Config['pjson']>(root, 'package.json')
  pjson.oclif.commands = { strategy: 'pattern', target: './src/commands' }
  const config = await Config.load({ root, pjson, ignoreManifest: true })
  return { config, run: (id, argv) => config.runCommand(id, argv) }
}

class BuiltConfig extends Config {
  readonly #commands: Command.Loadable[]

  constructor(root: string) {
    super({ root })
    this.root = root
    this.pjson = readJson(root, 'package.json')
    const { name, version, oclif } = this.pjson
    this.name = name
    this.version = version
    this.bin = oclif.bin ?? name
    this.userAgent = `${name}/${version} ${process.platform}-${process.arch} node-${process.version}`
    const { commands } = readJson<{ commands: Record<string, Command.Loadable> }>(root, 'oclif.manifest.json')
    this.#commands = Object.values(commands)
  }

  override get commands(): Command.Loadable[] {
    return this.#commands
  }

  override get topics(): Config['topics'] {
    const topics = this.pjson.oclif.topics ?? {}
    return Object.entries(topics).map(([name, topic]) => ({ ...topic, name }))
  }

  /** Only plugins have hooks. */
  override async runHook(): Promise<Hook.Result<never>> {
    return { successes: [], failures: [] }
  }
}

function readJson<T>(root: string, name: string): T {
  return JSON.parse(readFileSync(join(root, name), 'utf8')) as T
}
