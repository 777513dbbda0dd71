/** `routes sync`: brings the routes through Istio's ingress gateway in line with the nodes. */
import { retryOvertaken } from '../changes/apply.ts'
import { changesIn } from '../changes/change-plan.ts'
import { command } from '../errors.ts'
import type { Action, ChangeRecord, Warning } from '../events.ts'
import { nameOf } from '../istio/gateways.ts'
import { parseAnyNode, parseMetadataName, parseTemplates } from '../routes/additional-names.ts'
import type { NodeRoute, RouteApi, RouteBackend, RouteMode } from '../routes/backends/backend.ts'
import { gather, type GatherOptions, type Gathering } from '../routes/gather.ts'
import type { Observation } from '../routes/observation.ts'
import { type Plan, planRoutes, type Turn } from '../routes/route-plan.ts'
import type { Loaded } from '../reconcile/loaded-routes.ts'
import { type Outcome, reconcileRoutes } from '../reconcile/reconcile-routes.ts'
import { counted } from '../text/counted.ts'
import type { WorkflowContext } from './context.ts'
import { listed } from '../text/listed.ts'
import { confirmChanges } from './confirm-changes.ts'

export interface RoutesSyncOptions {
  /** Default: that of the connection. */
  namespace?: string | undefined
  /** metadata.name of the CassandraDatacenter; optional if the namespace has only one. */
  datacenter?: string | undefined
  /** Default: the current routes' domain, else the cluster's. */
  clusterDomain?: string | undefined
  /** Default: that of the current routes, else Istio's. */
  api?: RouteApi | undefined
  /**
   * "namespace/service" or "service", with API `gateway` "namespace/name" of the Gateway resource; default: the current
   * routes' gateway, else the only one.
   */
  gateway?: string | undefined
  /** With API `gateway`: the GatewayClass of a separate Gateway. */
  gatewayClass?: string | undefined
  /** Port of the gateway for clients; default: the current routes' port, else 9042. */
  port?: number | undefined
  /** Default: the current routes' mode, else sni. */
  mode?: RouteMode | undefined
  /** Default: that of the current routes, else service. */
  backend?: RouteBackend | undefined
  /** Templates of additional server names, and names that reach any node; default: those of the current routes. */
  sniTemplates?: readonly string[] | undefined
  anyNode?: readonly string[] | undefined
  /** Server name of the metadata service; '' removes its route; default: that of the current routes. */
  metadataName?: string | undefined
}

export interface RoutesSyncResult {
  /** False if no node is routable. */
  ok: boolean
  /** Nothing was written: the states are those after applying the plan. */
  dryRun?: true | undefined
  datacenter: string
  namespace: string
  mode: RouteMode
  api: RouteApi
  backend: RouteBackend
  /** "namespace/service"; for API `gateway` "namespace/name" of the Gateway resource. */
  gateway: string
  /** For API `gateway`: the GatewayClass of a separate Gateway. */
  gatewayClass?: string | undefined
  port: number
  /** Server names that reach any node. */
  anyNode: readonly string[]
  /** That of the metadata service. */
  metadataName?: string | undefined
  nodes: NodeRoute[]
  /** Ready gateway pods, and those whose Envoy has loaded every route. Absent if nothing was written. */
  loaded?: Loaded | undefined
  summary: { routed: number; kept: number; pending: number } & Record<Exclude<Action, 'conflict'>, number>
}

/**
 * Brings the routes of one datacenter in line with its nodes; with `dryRun` reports the changes only. A second run
 * writes nothing. Throws the errors of `gather`, and CSNI503, CSNI504 or CSNI508 for a conflict, all before anything is
 * written; CSNI507 if a gateway does not load the routes in time.
 */
export async function syncRoutes(context: WorkflowContext, options: RoutesSyncOptions): Promise<RoutesSyncResult> {
  const { kube, signal } = context
  const {
    datacenter: name,
    namespace = kube.target.namespace,
    mode,
    backend,
    port,
    sniTemplates,
    anyNode,
    metadataName,
    ...rest
  } = options
  const names = {
    sniTemplates: sniTemplates && parseTemplates(sniTemplates),
    anyNode: anyNode && parseAnyNode(anyNode),
    metadata: metadataName && parseMetadataName(metadataName),
  }
  const gatherOptions: GatherOptions = { namespace, name, port, ...rest }
  let reading: Gathering | undefined = gather(kube, gatherOptions)
  const { datacenter, gateway } = reading
  await step(context, 'datacenter', 'Datacenter', async () => {
    const { name: found, clusterName, nodes } = await datacenter
    return [undefined, `${found}, cluster ${clusterName}, ${counted(nodes.length, 'node')}`]
  })
  await step(context, 'istio', 'Ingress gateway', async () => [undefined, nameOf(await gateway)])

  return step(context, 'routes', 'Routes', async () => {
    const reported = new Map<string, ChangeRecord>()
    const prompts = unrepeated(context)
    let handedOver = false
    const attempt = async (): Promise<[RoutesSyncResult, string]> => {
      const observation = await (reading ?? gather(kube, gatherOptions)).observation
      // a retry reads the cluster again
      reading = undefined
      const plan = planRoutes(observation, { mode, backend, port, names })
      prompts.warn(observation, plan)
      await prompts.confirm(observation, plan)
      const { loaded, ...outcome } = await reconcileRoutes({ ...context, reported }, plan)
      // the old routes were removed, and what was kept for them is released
      if (plan.handover !== undefined && !context.dryRun && !handedOver) {
        handedOver = true
        return attempt()
      }
      const records = plan.nothing ? outcome.records : [...reported.values()]
      const result = resultOf(context, observation, plan, { records, loaded })
      return [result, noteOf(plan, result, context.dryRun)]
    }
    return retryOvertaken(signal, attempt)
  })
}

/** Runs a step and reports its start, and its end with a note or its failure. */
async function step<T>(
  { emit }: WorkflowContext,
  id: string,
  title: string,
  work: () => Promise<[T, string]>,
): Promise<T> {
  emit({ type: 'step', id, title, state: 'started' })
  try {
    const [value, note] = await work()
    emit({ type: 'step', id, title, state: 'done', note })
    return value
  } catch (error) {
    emit({ type: 'step', id, title, state: 'failed' })
    throw error
  }
}

/** Emits each warning and prompt only once, however often the plan is made. */
function unrepeated(context: WorkflowContext) {
  const warned = new Set<string>()
  const agreed = new Set<string>()
  return {
    warn(observation: Observation, plan: Plan): void {
      for (const warning of warningsOf(observation, plan)) {
        if (!warned.has(warning.message)) context.emit({ type: 'warning', ...warning })
        warned.add(warning.message)
      }
    },
    /** Asks for confirmation of changes that disconnect clients. Throws CSNI902 if the user declines. */
    async confirm(observation: Observation, plan: Plan): Promise<void> {
      // conflicts are refused without a prompt
      const lines = plan.conflicts.length > 0 ? [] : losses(observation, plan).filter((line) => !agreed.has(line))
      if (lines.length === 0 || context.dryRun) return
      await confirmChanges(context.ask, lines, command`kubectl cass-sni routes sync --dry-run`)
      for (const line of lines) agreed.add(line)
    },
  }
}

function warningsOf(observation: Observation, { backend, routes, nothing, turns, warnings }: Plan): Warning[] {
  const { datacenter, gateway, hidden } = observation
  const found: Warning[] = []
  if (backend.byServerName && datacenter.configurationHidden === undefined && !datacenter.clientEncryption.enabled) {
    found.push({
      code: 'CSNI306',
      message:
        `datacenter ${datacenter.name}: client TLS is not enabled (client_encryption_options), but SNI routes ` +
        'require TLS',
    })
  }
  if (hidden !== undefined) {
    const namespaces = [...new Set([datacenter.namespace, gateway.namespace])]
    found.push({
      message:
        `checked for conflicting routes in ${namespaces.length === 1 ? 'namespace' : 'namespaces'} ` +
        `${namespaces.join(' and ')} only: no permission to list Gateways and VirtualServices cluster-wide`,
    })
  }
  found.push(...uncheckedWarnings(observation))
  found.push(...turns.map((turn) => ({ message: turnText(turn) })), ...warnings)
  for (const { pod, state, hostId, reason = '' } of routes.nodes) {
    if (state === 'pending') found.push({ message: `${pod}: no route yet (${reason})` })
    if (state === 'kept') {
      const route = hostId === undefined ? 'its previous route, without the former host ID' : 'its previous route'
      found.push({ message: `${pod}: keeps ${route} (${reason})` })
    }
  }
  if (nothing) found.push(nothingRoutable(datacenter.name, routes.nodes))
  return found
}

/** The warning for a datacenter of which no node can be routed. */
export function nothingRoutable(datacenter: string, nodes: readonly NodeRoute[]): Warning {
  const why = nodes.length === 0 ? 'no nodes yet' : 'no host IDs known yet'
  return { code: 'CSNI303', message: `datacenter ${datacenter}: no routable nodes (${why})` }
}

/** What was not checked for conflicts, for lack of permission. */
function uncheckedWarnings({ datacenter, gatewayApi, hiddenPolicies }: Observation): Warning[] {
  const kinds = [...gatewayApi.hidden.keys()].map((kind) => `${kind}s`)
  return [
    ...(kinds.length === 0
      ? []
      : [
          `checked for conflicting ${listed(kinds)} in namespace ${datacenter.namespace} only: no permission to list ` +
            'them cluster-wide',
        ]),
    ...(hiddenPolicies === undefined
      ? []
      : [`not checked whether an AuthorizationPolicy denies the port of the gateway: ${hiddenPolicies.message}`]),
  ].map((message) => ({ message }))
}

function turnText({ what, from, to }: Turn): string {
  // clients are affected only if the gateway or the port changes with it
  if (what === 'API') return `${what} ${from} → ${to}`
  if (what === 'backend') return `${what} ${from} → ${to}; Envoy drains open connections, and clients reconnect`
  return `${what} ${from} → ${to}; clients still using ${from} will be disconnected`
}

/** Returns the changes that disconnect clients, one per line. */
function losses({ datacenter }: Observation, { changes, turns }: Plan): string[] {
  const pruned = changesIn(changes).filter(({ action }) => action === 'pruned')
  const names = pruned.map(({ type, name }) => `${type.kind.toLowerCase()}/${name}`)
  return [
    ...turns.map((turn) => `Datacenter ${datacenter.name}: ${turnText(turn)}`),
    ...(pruned.length === 0 ? [] : [`To be pruned: ${listed(names, 5)}`]),
  ]
}

function resultOf(
  { dryRun }: WorkflowContext,
  { datacenter, api, target }: Observation,
  { backend, gateway, routes, port, nothing }: Plan,
  { records, loaded }: Outcome,
): RoutesSyncResult {
  const nodes = (state: NodeRoute['state']) => routes.nodes.filter((node) => node.state === state).length
  const changes = (action: Action) => records.filter((record) => record.action === action).length
  return {
    ok: !nothing,
    dryRun: dryRun ? true : undefined,
    datacenter: datacenter.name,
    namespace: datacenter.namespace,
    mode: backend.mode,
    backend: backend.backend,
    api,
    gateway: nameOf(gateway),
    gatewayClass: target?.className,
    port,
    anyNode: routes.anyNode ?? [],
    metadataName: routes.metadata,
    nodes: routes.nodes,
    loaded,
    summary: {
      routed: nodes('routed'),
      kept: nodes('kept'),
      pending: nodes('pending'),
      created: changes('created'),
      configured: changes('configured'),
      unchanged: changes('unchanged'),
      pruned: changes('pruned'),
    },
  }
}

function noteOf({ backend, routes, nothing }: Plan, { summary }: RoutesSyncResult, dryRun: boolean): string {
  if (nothing) return 'no routable nodes, nothing changed'
  const routed = backend.described(routes.nodes)
  if (summary.created + summary.configured + summary.pruned === 0) return `${routed}, in sync`
  return dryRun ? `${routed}, nothing written (dry run)` : routed
}
