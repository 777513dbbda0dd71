import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { shell } from '../lib/text/shell-words.ts'
import { installFlags, installOptions } from '../lib/cli/install-flags.ts'
import type { NextStep, RenderedStep } from '../lib/errors.ts'
import type { TextRenderer } from '../lib/output/text-renderer.ts'
import type { InstallResult } from '../lib/workflows/install-workflow.ts'

type RenderedStepResult = Omit<InstallResult['steps'][number], 'missing'> & {
  /** In a dry run: command lines that provide the missing input; one of them is required. */
  missing?: RenderedStep[] | undefined
}

type RenderedResult = Omit<InstallResult, 'next' | 'steps'> & {
  steps: RenderedStepResult[]
  /** Suggested commands. */
  next: string[]
}

export default class Install extends CassSniCommand<RenderedResult> {
  static override summary = 'Install Istio, cass-operator and a datacenter.'
  static override description =
    'Installs whatever is missing: Istio, cass-operator, a Cassandra datacenter with TLS. An existing Istio, ' +
    'operator, StorageClass or datacenter is kept, and only differences are applied. Rerun to resume an ' +
    'interrupted install. On a terminal, prompts for missing values and for confirmation of the plan.'
  static override examples = [
    {
      description: 'Prompt for what is missing',
      command: '<%= config.bin %> <%= command.id %> -n cassandra',
    },
    {
      description: 'Show what would change',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --operator-manifest cass-operator/ --dry-run',
    },
    {
      description: 'Use your own datacenter manifest, without prompts',
      command:
        '<%= config.bin %> <%= command.id %> -n cassandra --operator-chart k8ssandra/cass-operator ' +
        '--datacenter-file dc1.yaml --yes',
    },
    {
      description: 'Create a StorageClass for data volumes',
      command:
        '<%= config.bin %> <%= command.id %> -n cassandra --storage-provisioner pd.csi.storage.gke.io ' +
        '--storage-parameter type=pd-ssd',
    },
  ]
  static override flags = installFlags

  protected readonly kind = 'Install'

  protected async work(run: Run): Promise<RenderedResult> {
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

  protected override present(result: RenderedResult, renderer: TextRenderer): string {
    const planned = result.steps.filter((step) => step.state === 'planned')
    const complete = planned.filter(({ missing }) => missing === undefined)
    const incomplete = planned.filter(({ missing }) => missing !== undefined)
    const lines = [
      ...planText('Planned changes:', complete, renderer),
      ...planText('Input required:', incomplete, renderer),
    ]
    if (planned.length === 0) {
      const changed = result.steps.some((step) => step.state === 'changed')
      lines.push(
        `${changed ? '' : 'No changes: '}datacenter ${renderer.printableLine(result.datacenter)} in namespace ` +
          `${renderer.printableLine(result.namespace)} is ready.`,
      )
    }
    if (result.login === false)
      lines.push(renderer.red('Authentication is disabled: AllowAllAuthenticator accepts any user and password.'))
    const nodes = renderer.table(result.nodes, [
      { title: 'NODE', cell: (node) => renderer.printableLine(node.pod) },
      { title: 'RACK', cell: (node) => renderer.printableLine(node.rack) },
      { title: 'STATE', cell: (node) => renderer.printableLine(node.state) },
      { title: 'HOST ID', cell: (node) => node.hostId ?? 'pending' },
    ])
    if (nodes !== '') lines.push('', nodes)
    if (planned.length === 0)
      lines.push('', 'Next:', ...result.next.map((command) => `  ${renderer.printableLine(command)}`))
    return lines.join('\n')
  }
}

function planText(heading: string, steps: readonly RenderedStepResult[], renderer: TextRenderer): string[] {
  if (steps.length === 0) return []
  const line = renderer.printableLine
  return [
    heading,
    ...steps.flatMap(({ title, note, command, missing = [] }) => [
      `  ${title}: ${line(note)}`,
      ...(command === undefined ? [] : [`    Command: ${line(shell`${command}`)}`]),
      ...missing.map(({ label, text }) => `    ${label}: ${line(text)}`),
    ]),
  ]
}
