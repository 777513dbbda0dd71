import { CassSniCommand, type Run } from '../../../lib/cli/base-command.ts'
import { controllerFlags, controllerOptions } from '../../../lib/cli/controller-flags.ts'
import { changeFlags } from '../../../lib/cli/flags.ts'
import type { TextRenderer } from '../../../lib/output/text-renderer.ts'
import type { ControllerInstallResult } from '../../../lib/workflows/controller-install-workflow.ts'

export default class RoutesControllerInstall extends CassSniCommand<ControllerInstallResult> {
  static override summary = 'Install the routes controller in the cluster.'

  static override description =
    'Installs a Deployment of two replicas that keeps routes in sync, as "routes sync --watch" does, for the ' +
    'datacenters of one namespace, several, or all. One replica is the leader; the other takes over if it fails. ' +
    'It has no access to Secrets. --renew-certs adds a Deployment that renews node certificates, with access to the ' +
    'Secrets concerned. --metadata-name adds one per datacenter that serves the metadata of secure connect bundles.\n' +
    '\n' +
    'Gateway, port and mode are those of the existing routes. The annotation cass-sni/routes=disabled excludes a ' +
    'CassandraDatacenter.'

  static override examples = [
    {
      description: 'Keep the routes of a namespace in sync',
      command: '<%= config.bin %> routes controller install -n cassandra --image registry.example.com/cass-sni:1',
    },
    {
      description: 'Serve the metadata of secure connect bundles',
      command: '<%= config.bin %> routes controller install -n cassandra --metadata-name cassandra.example.com',
    },
    { description: 'Show what would change', command: '<%= config.bin %> routes controller install -A --dry-run' },
  ]

  static override flags = { ...controllerFlags, ...changeFlags }

  protected readonly kind = 'RoutesControllerInstall'

  protected async work(run: Run): Promise<ControllerInstallResult> {
    const { flags } = await this.parse(RoutesControllerInstall)
    const [{ installController }, context] = await Promise.all([
      import('../../../lib/workflows/controller-install-workflow.ts'),
      run.context('Routes controller'),
    ])
    return installController(context, controllerOptions(flags))
  }

  protected present(result: ControllerInstallResult, renderer: TextRenderer): string {
    const { dryRun, namespaces, namespace, renewsCertificates, metadata, ready, created, configured, pruned } = result
    if (dryRun) return created + configured + pruned === 0 ? 'Nothing to change.' : ''
    const scope = namespaces === undefined ? 'all namespaces' : namespaces.join(', ')
    const renewal = renewsCertificates ? ', renewing certificates' : ''
    return [
      `Controller in namespace ${namespace}: ${ready} replicas ready, following ${scope}${renewal}.`,
      ...metadata.map(({ datacenter, name }) => `Metadata service of datacenter ${datacenter}: ${name}.`),
    ]
      .map((line) => renderer.printableLine(line))
      .join('\n')
  }
}
