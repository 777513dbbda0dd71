import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags } from '../../lib/cli/flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { RoutesDeleteResult } from '../../lib/workflows/routes-delete-workflow.ts'

export default class RoutesDelete extends CassSniCommand<RoutesDeleteResult> {
  static override summary = 'Delete the routes of a datacenter.'

  static override description =
    'Deletes the Services, Gateways, VirtualServices and TLSRoutes that "routes sync" created, and closes the port ' +
    "on the gateway's Service unless another datacenter uses it. The CassandraDatacenter may already be deleted. " +
    'Certificates and data are not affected.\n' +
    '\n' +
    'Clients that connect through the gateway are disconnected.'

  static override examples = [
    { description: 'Show what would be deleted', command: '<%= config.bin %> routes delete -n cassandra --dry-run' },
    {
      description: 'Delete the routes of one datacenter',
      command: '<%= config.bin %> routes delete -n cassandra -d dc1',
    },
  ]

  static override flags = { datacenter: datacenterFlags.datacenter, ...changeFlags }

  protected readonly kind = 'RoutesDelete'

  protected async work(run: Run): Promise<RoutesDeleteResult> {
    const { flags } = await this.parse(RoutesDelete)
    const [{ deleteRoutes }, context] = await Promise.all([
      import('../../lib/workflows/routes-delete-workflow.ts'),
      run.context('Routes'),
    ])
    return deleteRoutes(context, { datacenter: flags.datacenter })
  }

  protected present({ datacenter, namespace, dryRun }: RoutesDeleteResult, renderer: TextRenderer): string {
    if (datacenter === undefined) return `No routes found in namespace ${renderer.printableLine(namespace)}.`
    return dryRun ? '' : `Routes of datacenter ${renderer.printableLine(datacenter)} deleted.`
  }
}
