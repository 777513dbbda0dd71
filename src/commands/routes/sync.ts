import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags } from '../../lib/cli/flags.ts'
import { desiredRouteFlags, desiredRouteOptions, ROUTE_FOREIGN_FLAGS } from '../../lib/cli/route-flags.ts'
import { presentEvery } from '../../lib/cli/present-every.ts'
import { CassSniError } from '../../lib/errors.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { EveryDatacenter } from '../../lib/workflows/every-datacenter.ts'
import type { RoutesSyncOptions, RoutesSyncResult } from '../../lib/workflows/routes-sync-workflow.ts'

/** Printed to stderr once, after the first sync. */
const WATCHING = 'Watching for changes until Ctrl-C'

export default class RoutesSync extends CassSniCommand<
  RoutesSyncResult | EveryDatacenter<RoutesSyncResult> | undefined
> {
  static override summary = 'Route each Cassandra node through the gateway.'

  static override description =
    'Applies one Service per node, a Gateway with TLS passthrough, and a VirtualService that routes the two ' +
    "server names of each node (host ID and DNS name of its pod) to that node; opens the port on the gateway's " +
    'Service. Changes only what differs, and prunes routes of removed nodes.\n' +
    '\n' +
    'A new node without a host ID is reported as pending. A node that is being replaced keeps only its DNS name ' +
    'until its new host ID is known.\n' +
    '\n' +
    '--watch follows datacenters, pods, the gateway and the routes, and prints each change.'

  static override examples = [
    {
      description: 'Create or update the routes; --dry-run shows what would change',
      command: '<%= config.bin %> routes sync -n cassandra',
    },
    {
      description: 'Select one of several datacenters and gateways',
      command: '<%= config.bin %> routes sync -n cassandra -d dc1 --gateway istio-ingress/istio-ingress',
    },
    {
      description: 'Create TLSRoutes of the Kubernetes Gateway API instead',
      command: '<%= config.bin %> routes sync -n cassandra --api gateway --gateway-class istio',
    },
    {
      description: 'Keep the routes in sync until Ctrl-C',
      command: '<%= config.bin %> routes sync -n cassandra --watch',
    },
  ]

  static override flags = {
    ...desiredRouteFlags,
    ...changeFlags,
    watch: Flags.boolean({
      char: 'w',
      exclusive: ['dry-run', 'all-namespaces'],
      summary: 'Keep the routes in sync until Ctrl-C; -o json prints one object per line.',
    }),
  }

  static override foreignFlags = ROUTE_FOREIGN_FLAGS

  protected readonly kind = 'RoutesSync'
  protected override readonly smallHeapAfterMs = 0

  protected async work(run: Run): Promise<RoutesSyncResult | EveryDatacenter<RoutesSyncResult> | undefined> {
    const { flags } = await this.parse(RoutesSync)
    const options = desiredRouteOptions(flags)
    if (flags.watch && run.format === 'yaml')
      throw new CassSniError('CSNI101', '--watch prints lines: use -o text or -o json')
    if (flags.watch) return this.#watch(run, options)
    const [{ syncRoutes }, context] = await Promise.all([
      import('../../lib/workflows/routes-sync-workflow.ts'),
      run.context('Routes'),
    ])
    if (!flags['all-namespaces']) return syncRoutes(context, options)
    const { everyDatacenter } = await import('../../lib/workflows/every-datacenter.ts')
    return everyDatacenter(context, (each, one) => syncRoutes(each, { ...options, ...one }))
  }

  async #watch(run: Run, options: RoutesSyncOptions): Promise<undefined> {
    this.enveloped = 'lines'
    this.untilInterrupted = true
    const [{ watchRoutes }, { watchJson, watchText }, context] = await Promise.all([
      import('../../lib/workflows/routes-watch-workflow.ts'),
      import('../../lib/cli/route-watch-lines.ts'),
      run.context('Routes'),
    ])
    return watchRoutes(context, options, async (event) => {
      const time = new Date()
      const collected = event.type === 'synced' ? await run.endProgress() : undefined
      if (run.format === 'json') {
        run.print(watchJson('RoutesWatch', event, time, ({ next }) => run.steps(next), collected))
        if (event.type === 'synced') run.log(WATCHING, 0)
        return
      }
      const renderer = await run.renderer()
      run.print(event.type === 'synced' ? `${this.present(event, renderer)}\n` : watchText(event, time, renderer))
      if (event.type === 'failing') await run.reportError(event.error)
      if (event.type === 'synced') run.log(WATCHING, 0)
    })
  }

  protected present(result: RoutesSyncResult | EveryDatacenter<RoutesSyncResult>, renderer: TextRenderer): string {
    if ('datacenters' in result) return presentEvery(result, renderer, (each) => this.#table(each, renderer))
    return this.#table(result, renderer)
  }

  #table({ mode, nodes, summary, loaded, dryRun }: RoutesSyncResult, renderer: TextRenderer): string {
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
