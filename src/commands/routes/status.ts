import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { statusTable } from '../../lib/cli/controller-flags.ts'
import { datacenterFlags, everyDatacenterFlag, timeoutFlag } from '../../lib/cli/flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { RoutesStatusResult } from '../../lib/workflows/routes-status-workflow.ts'

export default class RoutesStatus extends CassSniCommand<RoutesStatusResult> {
  static override summary = 'Show what the routes controller last did.'

  static override description =
    'Shows for each datacenter whether the routes controller keeps its routes in sync, since when, and why not. ' +
    'Changes nothing.\n' +
    '\n' +
    'Exits with 1 if a datacenter is failing, has nodes without a route, or was never synced by a controller.'

  static override examples = [
    '<%= config.bin %> routes status -n cassandra',
    { description: 'All datacenters of the cluster', command: '<%= config.bin %> routes status -A' },
  ]

  static override flags = { datacenter: datacenterFlags.datacenter, ...everyDatacenterFlag, ...timeoutFlag }

  protected readonly kind = 'RoutesStatus'

  protected async work(run: Run): Promise<RoutesStatusResult> {
    const { flags } = await this.parse(RoutesStatus)
    const [{ routesStatus }, context] = await Promise.all([
      import('../../lib/workflows/routes-status-workflow.ts'),
      run.context('Routes'),
    ])
    return routesStatus(context, { allNamespaces: flags['all-namespaces'], datacenter: flags.datacenter })
  }

  protected present({ datacenters }: RoutesStatusResult, renderer: TextRenderer): string {
    return statusTable(datacenters, renderer) || 'No CassandraDatacenters found.'
  }
}
