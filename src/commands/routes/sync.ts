import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags } from '../../lib/cli/flags.ts'
import type { Show } from '../../lib/output/show.ts'
import type { RoutesSyncResult } from '../../lib/workflows/routes-sync-workflow.ts'

export default class RoutesSync extends CassSniCommand<RoutesSyncResult> {
  static override summary = "Route each Cassandra node through Istio's ingress gateway."

  static override description =
    `Makes one Service per node, a Gateway that passes TLS through, and a VirtualService that sends each node's two server names
(its pod's DNS name and its host id) to that node; opens the port on the gateway's Service. What a vanished node left is pruned.
A node without a host id yet is named and left out; a node that is being replaced keeps its route until the new host id is known.
Run again it changes only what differs. With --mode tcp: one plain TCP route to all nodes, as a first test.`

  static override examples = [
    '<%= config.bin %> routes sync',
    '<%= config.bin %> routes sync --dry-run',
    '<%= config.bin %> routes sync -n cass-operator --datacenter dc1 --gateway istio-ingress/istio-ingress',
    '<%= config.bin %> routes sync --mode tcp',
  ]

  static override flags = {
    ...datacenterFlags,
    ...gatewayFlags,
    ...changeFlags,
    mode: Flags.option({
      options: ['sni', 'tcp'] as const,
      default: 'sni' as const,
      summary: 'sni: a route per node, by server name. tcp: one plain route to all nodes.',
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

  protected present({ nodes, summary, loaded, dryRun }: RoutesSyncResult, show: Show): string {
    if (nodes.length === 0) return ''
    const colour = { routed: show.green, kept: show.yellow, pending: show.yellow }
    const table = show.table(nodes, [
      { title: 'NODE', cell: (node) => show.printableLine(node.pod) },
      { title: 'HOST ID', cell: (node) => node.hostId ?? '' },
      { title: dryRun ? 'ROUTE (dry run)' : 'ROUTE', cell: (node) => colour[node.state](node.state) },
      ...(nodes.some(({ reason }) => reason)
        ? [{ title: 'WHY', cell: (node: (typeof nodes)[number]) => show.printableLine(node.reason ?? '') }]
        : []),
    ])
    const changed = summary.created + summary.configured + summary.pruned
    const asked = loaded !== undefined && loaded.pods > 0 && loaded.confirmed === loaded.pods
    const last =
      changed === 0 && summary.unchanged > 0
        ? `Nothing had to change: all is as it should be${asked ? ', and loaded in every pod of the gateway' : ''}.`
        : ''
    return [table, last].filter((part) => part !== '').join('\n')
  }
}
