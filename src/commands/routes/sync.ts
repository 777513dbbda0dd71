import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags } from '../../lib/cli/flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { RoutesSyncResult } from '../../lib/workflows/routes-sync-workflow.ts'

export default class RoutesSync extends CassSniCommand<RoutesSyncResult> {
  static override summary = "Route each Cassandra node through Istio's gateway."

  static override description =
    'Applies one Service per node, a Gateway with TLS passthrough, and a VirtualService that routes the two ' +
    "server names of each node (host ID and DNS name of its pod) to that node; opens the port on the gateway's " +
    'Service. Applies only differences, and prunes routes of removed nodes.\n' +
    '\n' +
    'A node without a host ID is reported as pending. A node that is being replaced keeps its route until its ' +
    'new host ID is known.'

  static override examples = [
    { description: 'Show what would change', command: '<%= config.bin %> routes sync -n cassandra --dry-run' },
    {
      description: 'Create or update the routes',
      command: '<%= config.bin %> routes sync -n cassandra',
    },
    {
      description: 'Select one of several datacenters and gateways',
      command: '<%= config.bin %> routes sync -n cassandra -d dc1 --gateway istio-ingress/istio-ingress',
    },
  ]

  static override flags = {
    ...datacenterFlags,
    ...gatewayFlags,
    ...changeFlags,
    mode: Flags.option({
      options: ['sni', 'tcp'] as const,
      default: 'sni' as const,
      summary: 'sni: one route per node, by server name. tcp: one route to any node, for a first test.',
    })(),
  }

  protected readonly kind = 'RoutesSync'

  protected async work(run: Run): Promise<RoutesSyncResult> {
    const { flags } = await this.parse(RoutesSync)
    const [{ syncRoutes }, context] = await Promise.all([
      import('../../lib/workflows/routes-sync-workflow.ts'),
      run.context('Routes'),
    ])
    return syncRoutes(context, {
      clusterDomain: flags['cluster-domain'],
      port: flags.port,
      mode: flags.mode,
      datacenter: flags.datacenter,
      gateway: flags.gateway,
    })
  }

  protected present({ mode, nodes, summary, loaded, dryRun }: RoutesSyncResult, renderer: TextRenderer): string {
    if (nodes.length === 0) return ''
    const color = { routed: renderer.green, kept: renderer.yellow, pending: renderer.yellow }
    const table = renderer.table(nodes, [
      { title: 'NODE', cell: (node) => renderer.printableLine(node.pod) },
      { title: 'HOST ID', cell: (node) => node.hostId ?? '' },
      {
        title: dryRun ? 'ROUTE (dry run)' : 'ROUTE',
        cell: (node) => color[node.state](mode === 'tcp' && node.state === 'routed' ? 'shared, plain TCP' : node.state),
      },
      ...(nodes.some(({ reason }) => reason)
        ? [{ title: 'REASON', cell: (node: (typeof nodes)[number]) => renderer.printableLine(node.reason ?? '') }]
        : []),
    ])
    const changed = summary.created + summary.configured + summary.pruned
    const confirmed = loaded !== undefined && loaded.pods > 0 && loaded.confirmed === loaded.pods
    const last =
      changed === 0 && summary.unchanged > 0
        ? `All routes in sync${confirmed ? ' and loaded in every gateway pod' : ''}.`
        : ''
    return [table, last].filter((part) => part !== '').join('\n')
  }
}
