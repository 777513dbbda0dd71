import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { timeoutFlag } from '../../lib/cli/flags.ts'
import { desiredRouteFlags, desiredRouteOptions, ROUTE_FOREIGN_FLAGS } from '../../lib/cli/route-flags.ts'
import { presentEvery } from '../../lib/cli/present-every.ts'
import { EXIT } from '../../lib/errors.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { EveryDatacenter } from '../../lib/workflows/every-datacenter.ts'
import type { RoutesDiffResult } from '../../lib/workflows/routes-diff-workflow.ts'

export default class RoutesDiff extends CassSniCommand<RoutesDiffResult | EveryDatacenter<RoutesDiffResult>> {
  static override summary = 'Show what routes sync would change.'

  static override description =
    'Compares the routes in the cluster with those that "routes sync" would apply and prints each field that ' +
    'differs, with its old and new value. Changes nothing.\n' +
    '\n' +
    'Like kubectl diff, it exits with 0 if nothing differs, 1 if something differs, and 2 if the comparison failed.'

  static override examples = [
    '<%= config.bin %> routes diff -n cassandra',
    {
      description: 'In a script',
      command: '<%= config.bin %> routes diff -n cassandra || <%= config.bin %> routes sync -n cassandra',
    },
  ]

  static override flags = {
    ...desiredRouteFlags,
    ...timeoutFlag,
  }

  static override foreignFlags = ROUTE_FOREIGN_FLAGS

  protected readonly kind = 'RoutesDiff'
  protected override readonly smallHeapAfterMs = 0
  protected override readonly failureExit = EXIT.usage

  protected async work(run: Run): Promise<RoutesDiffResult | EveryDatacenter<RoutesDiffResult>> {
    const { flags } = await this.parse(RoutesDiff)
    const [{ diffRoutes }, context] = await Promise.all([
      import('../../lib/workflows/routes-diff-workflow.ts'),
      run.context('Routes'),
    ])
    const options = desiredRouteOptions(flags)
    if (!flags['all-namespaces']) return diffRoutes(context, options)
    const { everyDatacenter } = await import('../../lib/workflows/every-datacenter.ts')
    return everyDatacenter(context, (each, one) => diffRoutes(each, { ...options, ...one }))
  }

  protected present(result: RoutesDiffResult | EveryDatacenter<RoutesDiffResult>, renderer: TextRenderer): string {
    const text = ({ ok }: RoutesDiffResult) => (ok ? 'All routes in sync.' : '')
    return 'datacenters' in result ? presentEvery(result, renderer, text) : text(result)
  }
}
