/** Flags shared by the route commands. */
import { Flags } from '@oclif/core'
import { hint, type NextStep } from '../errors.ts'
import { datacenterFlags, everyDatacenterFlag, gatewayFlags } from './flags.ts'
import type { RoutesSyncOptions } from '../workflows/routes-sync-workflow.ts'

const routeModeFlag = {
  mode: Flags.option({
    options: ['sni', 'tcp'] as const,
    summary:
      'sni: one route per node, by server name. tcp: one route to any node, for a first test (default: from existing ' +
      'routes, else sni).',
  })(),
}

const routeBackendFlag = {
  backend: Flags.option({
    options: ['service', 'subset', 'serviceentry'] as const,
    summary:
      'How a node is reached: its own Service, a subset of one Service, or a ServiceEntry with DNS (default: from ' +
      'existing routes, else service).',
  })(),
}

const routeNameFlags = {
  'sni-template': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'TEMPLATE',
    summary: "Additional server name per node, such as {pod}.cass.example.com (repeatable). Saved; '' clears the list.",
  }),
  'any-node': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'NAME',
    summary: "Server name that reaches any ready node (repeatable). Saved for later runs; '' clears the list.",
  }),
}

const routeApiFlags = {
  api: Flags.option({
    options: ['istio', 'gateway'] as const,
    summary:
      "istio: Istio's Gateway and VirtualService. gateway: TLSRoutes of the Kubernetes Gateway API (default: from " +
      'existing routes, else istio).',
  })(),
  'gateway-class': Flags.string({
    helpValue: 'NAME',
    exclusive: ['gateway'],
    summary: 'With --api gateway: create a separate Gateway of this GatewayClass.',
  }),
}

/** `certs` has this flag for names that are only in the certificate. */
export const ROUTE_FOREIGN_FLAGS: Readonly<Record<string, NextStep>> = {
  '--public-name': hint('--any-node NAME routes a public name to any ready node; certs adds it to the certificate'),
}

/** Which routes are desired: the flags of the commands that plan them. */
export const desiredRouteFlags = {
  ...datacenterFlags,
  ...everyDatacenterFlag,
  ...gatewayFlags,
  ...routeModeFlag,
  ...routeBackendFlag,
  ...routeNameFlags,
  ...routeApiFlags,
}

/** Returns the options for planning routes from `desiredRouteFlags`. */
export function desiredRouteOptions(flags: {
  datacenter?: string | undefined
  gateway?: string | undefined
  'cluster-domain'?: string | undefined
  api?: RoutesSyncOptions['api']
  'gateway-class'?: string | undefined
  port?: number | undefined
  mode?: RoutesSyncOptions['mode']
  backend?: RoutesSyncOptions['backend']
  'sni-template'?: string[] | undefined
  'any-node'?: string[] | undefined
}): RoutesSyncOptions {
  return {
    ...routeChoice(flags),
    api: flags.api,
    gatewayClass: flags['gateway-class'],
    port: flags.port,
    mode: flags.mode,
    backend: flags.backend,
    sniTemplates: flags['sni-template'],
    anyNode: flags['any-node'],
  }
}

/** Returns the choice of datacenter, gateway and cluster domain from the flags of a route command. */
export function routeChoice(flags: {
  datacenter?: string | undefined
  gateway?: string | undefined
  'cluster-domain'?: string | undefined
}): Pick<RoutesSyncOptions, 'datacenter' | 'gateway' | 'clusterDomain'> {
  return { datacenter: flags.datacenter, gateway: flags.gateway, clusterDomain: flags['cluster-domain'] }
}
