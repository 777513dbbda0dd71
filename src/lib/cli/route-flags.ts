/** Flags shared by the route commands. */
import { Flags } from '@oclif/core'
import type { RoutesSyncOptions } from '../workflows/routes-sync-workflow.ts'

export const routeModeFlag = {
  mode: Flags.option({
    options: ['sni', 'tcp'] as const,
    default: 'sni' as const,
    summary: 'sni: one route per node, by server name. tcp: one route to any node, for a first test.',
  })(),
}

/** Returns the choice of datacenter, gateway and cluster domain from the flags of a route command. */
export function routeChoice(flags: {
  datacenter?: string | undefined
  gateway?: string | undefined
  'cluster-domain'?: string | undefined
}): Pick<RoutesSyncOptions, 'datacenter' | 'gateway' | 'clusterDomain'> {
  return { datacenter: flags.datacenter, gateway: flags.gateway, clusterDomain: flags['cluster-domain'] }
}
