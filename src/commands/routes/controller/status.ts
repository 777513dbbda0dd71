import { CassSniCommand, type Run } from '../../../lib/cli/base-command.ts'
import { controllerNamespaceFlag, statusTable } from '../../../lib/cli/controller-flags.ts'
import { timeoutFlag } from '../../../lib/cli/flags.ts'
import type { TextRenderer } from '../../../lib/output/text-renderer.ts'
import type { ControllerStatusResult } from '../../../lib/workflows/controller-status-workflow.ts'

export default class RoutesControllerStatus extends CassSniCommand<ControllerStatusResult> {
  static override summary = 'Show the routes controller and its datacenters.'

  static override description =
    "Shows the controller's replicas and leader, and the result of the last sync of each datacenter. Changes " +
    'nothing.\n' +
    '\n' +
    'Exits with 1 if the controller is not installed or not ready, or a datacenter needs attention.'

  static override examples = [
    '<%= config.bin %> routes controller status',
    {
      description: 'A controller in another namespace',
      command: '<%= config.bin %> routes controller status --controller-namespace cassandra',
    },
  ]

  static override flags = { ...controllerNamespaceFlag, ...timeoutFlag }

  protected readonly kind = 'RoutesControllerStatus'

  protected async work(run: Run): Promise<ControllerStatusResult> {
    const { flags } = await this.parse(RoutesControllerStatus)
    const [{ controllerStatus }, context] = await Promise.all([
      import('../../../lib/workflows/controller-status-workflow.ts'),
      run.context('Routes controller'),
    ])
    return controllerStatus(context, { namespace: flags['controller-namespace'] })
  }

  protected present(result: ControllerStatusResult, renderer: TextRenderer): string {
    const {
      installed,
      namespace,
      image = '',
      replicas,
      reasons = [],
      leader,
      leaderUnknown,
      renewal,
      metadata,
      namespaces,
      datacenters,
    } = result
    if (!installed) return renderer.printableLine(`No routes controller found in namespace ${namespace}.`)
    const lines = [
      ['Namespace', namespace],
      ['Image', image],
      ['Replicas', `${replicas?.ready ?? 0} of ${replicas?.wanted ?? 0} ready`],
      ...reasons.map((reason) => ['', reason]),
      ['Leader', leader ?? (leaderUnknown ? 'unknown (no permission to read its Lease)' : 'none')],
      ['Follows', namespaces === undefined ? 'all namespaces' : namespaces.join(', ')],
      ...(renewal === undefined ? [] : [['Renewal', `of certificates, ${renewal.ready} of ${renewal.wanted} ready`]]),
      ...metadata.map(({ namespace: inside, datacenter, name: served, ready, wanted }) => [
        'Metadata',
        `${served} for datacenter ${datacenter} in namespace ${inside}, ${ready} of ${wanted} ready`,
      ]),
    ].map(([name = '', value = '']) => `${(name && `${name}:`).padEnd(11)}${renderer.printableLine(value)}`)
    const table = statusTable(datacenters, renderer)
    return [lines.join('\n'), table].filter((part) => part !== '').join('\n\n')
  }
}
