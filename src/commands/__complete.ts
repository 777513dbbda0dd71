import { Command } from '@oclif/core'
import { complete, completionText, isPlainWord, type Live } from '../lib/cli/completion.ts'

/** Time limit for names from the cluster: the shell is blocked until completion returns. */
const LIVE_NAMES_MS = 900

/**
 * Called by kubectl through kubectl_complete-cass_sni. The arguments are the words typed so far.
 */
export default class Complete extends Command {
  static override hidden = true
  static override strict = false
  static override summary = 'Complete a command line (for kubectl).'
  static override examples = [
    '<%= config.bin %> <%= command.id %> routes ""',
    '<%= config.bin %> <%= command.id %> verify --node ""',
  ]

  override async run(): Promise<void> {
    const topics = Object.fromEntries(this.config.topics.map(({ name, description }) => [name, description ?? '']))
    const words = this.argv.length === 0 ? [''] : this.argv
    const { candidates, live, files } = complete(words, this.config.commands, topics)
    const names = live ? await this.#live(live.what, words) : []
    const start = words.at(-1) ?? ''
    const found = names
      .map((name) => ({ value: `${live?.prefix ?? ''}${name}` }))
      .filter(({ value }) => value.startsWith(start))
    process.stdout.write(completionText({ candidates: [...candidates, ...found], files }))
  }

  /** Names from the cluster; none on timeout or error, which completion never reports. */
  async #live(what: Live, words: string[]): Promise<string[]> {
    const value = (...names: string[]) => {
      const at = words.findIndex((word, index) => index < words.length - 1 && names.includes(word))
      const joined = words.find((word) => names.some((name) => word.startsWith(`${name}=`)))
      return at === -1 ? joined?.slice(joined.indexOf('=') + 1) : words[at + 1]
    }
    const signal = AbortSignal.timeout(LIVE_NAMES_MS)
    const given = {
      kubeconfig: value('--kubeconfig'),
      context: value('--context'),
      namespace: value('-n', '--namespace'),
      datacenter: value('-d', '--datacenter'),
    }
    const options = Object.fromEntries(
      Object.entries(given).filter(([name, text]) => text !== undefined && text !== '' && name !== what),
    )
    try {
      const { liveNames } = await import('../lib/workflows/complete-workflow.ts')
      const names = await Promise.race([
        liveNames(what, { ...options, signal }),
        new Promise<string[]>((resolve) => signal.addEventListener('abort', () => resolve([]))),
      ])
      return names.filter(isPlainWord)
    } catch {
      // No cluster or no permission: nothing to offer.
      return []
    }
  }
}
