import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { shell } from '../lib/text/shell-words.ts'
import { installFlags, installOptions } from '../lib/cli/install-flags.ts'
import type { NextStep, RenderedStep } from '../lib/errors.ts'
import type { Show } from '../lib/output/show.ts'
import type { InstallResult } from '../lib/workflows/install-workflow.ts'

type ShownStep = Omit<InstallResult['steps'][number], 'missing'> & {
  /** In a dry run: one of these command lines says what is missing. */
  missing?: RenderedStep[] | undefined
}

type Shown = Omit<InstallResult, 'next' | 'steps'> & {
  steps: ShownStep[]
  /** The commands that come next. */
  next: string[]
}

export default class Install extends CassSniCommand<Shown> {
  static override summary = 'Install what is missing: Istio, cass-operator, a datacenter.'
  static override description =
    'Inspects the cluster first and changes only what differs: an existing Istio, operator, StorageClass or ' +
    'datacenter is kept. An interrupted install resumes at the next run. On a terminal it prompts for missing ' +
    'values, shows the plan and asks for confirmation.'
  static override examples = [
    {
      description: 'Interactive, on a terminal',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'Show what would change',
      command: '<%= config.bin %> <%= command.id %> --operator-manifest cass-operator/ --dry-run',
    },
    {
      description: 'Without prompts, with your own datacenter',
      command:
        '<%= config.bin %> <%= command.id %> -n cass-operator --operator-chart k8ssandra/cass-operator ' +
        '--datacenter-file dc1.yaml --yes',
    },
    {
      description: 'Create a StorageClass for the data volumes',
      command:
        '<%= config.bin %> <%= command.id %> --storage-provisioner pd.csi.storage.gke.io --storage-parameter ' +
        'type=pd-ssd',
    },
  ]
  static override flags = installFlags

  protected readonly kind = 'Install'

  protected async work(run: Run): Promise<Shown> {
    const { flags } = await this.parse(Install)
    const { install } = await import('../lib/workflows/install-workflow.ts')
    const result = await install(await run.context('Install'), installOptions(flags, run.kubeOptions))
    const texts = (steps: NextStep[]): string[] => run.steps(steps).map(({ text }) => text)
    return {
      ...result,
      steps: result.steps.map(({ missing, ...step }) => ({
        ...step,
        missing: missing === undefined ? undefined : run.steps(missing),
      })),
      next: texts(result.next),
    }
  }

  protected override present(result: Shown, show: Show): string {
    const planned = result.steps.filter((step) => step.state === 'planned')
    const lines: string[] = []
    if (planned.length > 0) {
      lines.push('Would do:')
      for (const step of planned) {
        lines.push(`  ${step.title}: ${show.printableLine(step.note)}`)
        if (step.command !== undefined) lines.push(`    runs: ${show.printableLine(shell`${step.command}`)}`)
        for (const { label, text } of step.missing ?? []) lines.push(`    ${label}: ${show.printableLine(text)}`)
      }
    } else {
      const changed = result.steps.some((step) => step.state === 'changed')
      lines.push(
        `${changed ? '' : 'Nothing had to change: '}datacenter ${show.printableLine(result.datacenter)} in ` +
          `namespace ${show.printableLine(result.namespace)} is ready.`,
      )
    }
    if (result.login === false)
      lines.push(show.red('WITHOUT LOGIN: AllowAllAuthenticator accepts any user and password.'))
    const nodes = show.table(result.nodes, [
      { title: 'NODE', cell: (node) => show.printableLine(node.pod) },
      { title: 'RACK', cell: (node) => show.printableLine(node.rack) },
      { title: 'STATE', cell: (node) => show.printableLine(node.state) },
      { title: 'HOST ID', cell: (node) => node.hostId ?? 'not yet' },
    ])
    if (nodes !== '') lines.push('', nodes)
    if (planned.length === 0)
      lines.push('', 'Next:', ...result.next.map((command) => `  ${show.printableLine(command)}`))
    return lines.join('\n')
  }
}
