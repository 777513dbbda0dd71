import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { datacenterFlags, everyDatacenterFlag, gatewayFlags, timeoutFlag } from '../../lib/cli/flags.ts'
import { routeChoice } from '../../lib/cli/route-flags.ts'
import { presentEvery } from '../../lib/cli/present-every.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { EveryDatacenter } from '../../lib/workflows/every-datacenter.ts'
import type { ListedRoute, RoutesListResult } from '../../lib/workflows/routes-list-workflow.ts'

const STATE = { inSync: 'routed', outOfSync: 'out of sync', pending: 'pending' }

export default class RoutesList extends CassSniCommand<RoutesListResult | EveryDatacenter<RoutesListResult>> {
  static override summary = 'List the route of each Cassandra node.'

  static override description =
    'Shows the host ID of each node, whether its route is in sync with the node, and how many gateway pods ' +
    'have loaded it. --wide adds rack, Service and server names. Changes nothing.\n' +
    '\n' +
    'Exits with 1 if a route is out of sync, pending, in conflict, or not loaded by every gateway pod.'

  static override examples = [
    '<%= config.bin %> routes list -n cassandra',
    '<%= config.bin %> routes list -n cassandra --wide',
    { description: 'Every datacenter in the cluster', command: '<%= config.bin %> routes list -A' },
    {
      description: 'Host IDs that clients can reach',
      command: "<%= config.bin %> routes list -n cassandra -o json | jq -r '.result.routes[].hostId'",
    },
  ]

  static override flags = {
    ...datacenterFlags,
    ...everyDatacenterFlag,
    gateway: gatewayFlags.gateway,
    wide: Flags.boolean({ default: false, summary: 'Also show rack, Service and server names.' }),
    ...timeoutFlag,
  }

  protected readonly kind = 'RoutesList'
  protected override readonly smallHeapAfterMs = 0
  #wide = false

  protected async work(run: Run): Promise<RoutesListResult | EveryDatacenter<RoutesListResult>> {
    const { flags } = await this.parse(RoutesList)
    this.#wide = flags.wide
    const [{ listRoutes }, context] = await Promise.all([
      import('../../lib/workflows/routes-list-workflow.ts'),
      run.context('Routes'),
    ])
    if (!flags['all-namespaces']) return listRoutes(context, routeChoice(flags))
    const { everyDatacenter } = await import('../../lib/workflows/every-datacenter.ts')
    return everyDatacenter(context, (each, one) => listRoutes(each, { ...routeChoice(flags), ...one }))
  }

  protected present(result: RoutesListResult | EveryDatacenter<RoutesListResult>, renderer: TextRenderer): string {
    if ('datacenters' in result) return presentEvery(result, renderer, (each) => this.#table(each, renderer))
    return this.#table(result, renderer)
  }

  #table(result: RoutesListResult, renderer: TextRenderer): string {
    const { mode, anyNode, metadataName, routes, shared, conflicts, unknown } = result
    const line = renderer.printableLine
    const wide = this.#wide
      ? [
          { title: 'RACK', cell: ({ rack }: ListedRoute) => line(rack) },
          { title: 'SERVICE', cell: ({ upstream }: ListedRoute) => line(upstream) },
          { title: 'SERVER NAMES', cell: ({ serverNames }: ListedRoute) => line(serverNames.join(' ')) },
        ]
      : []
    const table = renderer.table(routes, [
      { title: 'NODE', cell: ({ pod }) => line(pod) },
      { title: 'HOST ID', cell: ({ hostId }) => line(hostId ?? '') },
      {
        title: mode === 'tcp' ? 'ROUTE (shared, plain TCP)' : 'ROUTE',
        cell: ({ state }) => (state === 'inSync' ? renderer.green : renderer.yellow)(STATE[state]),
      },
      {
        title: 'LOADED',
        cell: ({ loaded }) =>
          loaded.checked === 0
            ? 'unknown'
            : (loaded.pods === loaded.checked ? renderer.green : renderer.yellow)(`${loaded.pods}/${loaded.checked}`),
      },
      ...wide,
      ...(routes.some(({ reasons }) => reasons.length > 0)
        ? [{ title: 'REASON', cell: ({ reasons }: ListedRoute) => line(reasons.join('; ')) }]
        : []),
    ])
    return [
      table.trimEnd(),
      ...(anyNode.length === 0 ? [] : [`Any node: ${line(anyNode.join(', '))}`]),
      ...(metadataName === undefined ? [] : [`Metadata service: ${line(metadataName)}`]),
      ...shared.map((each) => `Out of sync: ${line(each)}`),
      ...conflicts.map(({ code, message }) => `Conflict: ${line(message)} [${code}]`),
      ...unknown.map(({ pod, reason }) => line(`Cannot check which routes pod ${pod} has loaded: ${reason}`)),
    ].join('\n')
  }
}
