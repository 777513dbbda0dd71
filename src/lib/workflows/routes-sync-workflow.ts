/** `routes sync`: from the nodes that there are to the routes through Istio's ingress gateway. */
import { decideAgain } from '../changes/apply.ts'
import { CassSniError, command } from '../errors.ts'
import type { Action, ChangeRecord } from '../events.ts'
import { nameOf } from '../istio/gateways.ts'
import type { NodeRoute, RouteMode } from '../routes/backends/backend.ts'
import { gather, type GatherOptions, type Gathering } from '../routes/gather.ts'
import type { Observation } from '../routes/observation.ts'
import { type Plan, planRoutes, type Turn } from '../routes/route-plan.ts'
import type { Loaded } from '../reconcile/loaded-routes.ts'
import { type Outcome, reconcileRoutes } from '../reconcile/reconcile-routes.ts'
import { counted } from '../text/counted.ts'
import type { WorkflowContext } from './context.ts'

export interface RoutesSyncOptions {
  /** metadata.name of the CassandraDatacenter; not needed when the namespace in force has only one. */
  datacenter?: string | undefined
  /** Default: what the routes have, else what the cluster says. */
  clusterDomain?: string | undefined
  /** "namespace/service" or "service"; default: the one that the routes have, else the only one. */
  gateway?: string | undefined
  /** The port that clients dial on the gateway; default: the one that the routes have, else 9042. */
  port?: number | undefined
  mode: RouteMode
}

export interface RoutesSyncResult {
  /** False when no node could be routed. */
  ok: boolean
  /** Nothing was written: the nodes' states are those that there would be. */
  dryRun?: true | undefined
  datacenter: string
  namespace: string
  mode: RouteMode
  /** "namespace/service". */
  gateway: string
  port: number
  nodes: NodeRoute[]
  /** Of the gateway's ready pods, those whose Envoy was asked and has every route. Absent when nothing was written. */
  loaded?: Loaded | undefined
  summary: { routed: number; kept: number; pending: number } & Record<Exclude<Action, 'conflict'>, number>
}

/**
 * Brings the routes of one datacenter in line with its nodes; with `dryRun` only says what it would do. A second run
 * writes nothing. Throws what `gather` throws, and CSNI503, CSNI504 or CSNI508 for a conflict, all before anything is
 * written; CSNI507 when a gateway has not loaded what was written.
 */
export async function syncRoutes(context: WorkflowContext, options: RoutesSyncOptions): Promise<RoutesSyncResult> {
  const { kube, signal } = context
  const { datacenter: name, mode, port, ...rest } = options
  const wanted: GatherOptions = { namespace: kube.target.namespace, name, ...rest }
  let reading: Gathering | undefined = gather(kube, wanted)
  const { datacenter, gateway } = reading
  await step(context, 'datacenter', 'Datacenter', async () => {
    const { name: found, clusterName, nodes } = await datacenter
    return [undefined, `${found} of cluster ${clusterName}: ${counted(nodes.length, 'node')}`]
  })
  await step(context, 'istio', 'Istio', async () => [undefined, `gateway ${nameOf(await gateway)}`])

  return step(context, 'routes', 'Routes', async () => {
    const told = new Map<string, ChangeRecord>()
    const once = onlyOnce(context)
    return decideAgain(signal, async () => {
      const observation = await (reading ?? gather(kube, wanted)).observation
      // what was read is good for one decision
      reading = undefined
      const plan = planRoutes(observation, { mode, port })
      once.tell(observation, plan)
      await once.consent(observation, plan)
      const result = resultOf(context, observation, plan, await reconcileRoutes({ ...context, told }, plan))
      return [result, noteOf(plan, result, context.dryRun)]
    })
  })
}

/** Runs a step: its beginning, its end with a note, or its failure are told. */
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

/** Warnings and questions, each at its first time only: a decision may be made again. */
function onlyOnce(context: WorkflowContext) {
  const warned = new Set<string>()
  const agreed = new Set<string>()
  return {
    tell(observation: Observation, plan: Plan): void {
      for (const warning of warningsOf(observation, plan)) {
        if (!warned.has(warning.message)) context.emit({ type: 'warning', ...warning })
        warned.add(warning.message)
      }
    },
    /** Asks for what takes something away from clients. Throws CSNI902 when the user does not want it. */
    async consent(observation: Observation, plan: Plan): Promise<void> {
      // what is refused anyway is no question
      const lines = plan.conflicts.length > 0 ? [] : losses(observation, plan).filter((line) => !agreed.has(line))
      if (lines.length === 0 || context.ask === undefined || context.dryRun) return
      const answer = await context.ask({
        kind: 'confirm',
        name: 'proceed',
        flag: '--yes',
        message: 'Go ahead?',
        details: lines,
        initial: false,
      })
      if (answer !== 'yes')
        throw new CassSniError('CSNI902', 'nothing was changed', {
          next: [command`kubectl cass-sni routes sync --dry-run`],
        })
      for (const line of lines) agreed.add(line)
    },
  }
}

interface Warning {
  message: string
  code?: string
}

function warningsOf(observation: Observation, { backend, routes, nothing, turns, warnings }: Plan): Warning[] {
  const { datacenter, gateway, hidden } = observation
  const told: Warning[] = []
  if (backend.byServerName && datacenter.configurationHidden === undefined && !datacenter.clientEncryption.enabled) {
    told.push({
      code: 'CSNI306',
      message:
        `datacenter ${datacenter.name} does not show TLS to clients in its configuration ` +
        '(client_encryption_options): without TLS there is no server name to route by',
    })
  }
  if (hidden !== undefined) {
    const places = [...new Set([datacenter.namespace, gateway.namespace])]
    told.push({
      message:
        `conflicts with routes of others were looked for in ${places.join(' and ')} only: you may not list ` +
        'Gateways and VirtualServices of all namespaces',
    })
  }
  told.push(...turns.map((turn) => ({ message: turnText(turn) })), ...warnings.map((message) => ({ message })))
  for (const { pod, state, reason = '' } of routes.nodes) {
    if (state === 'pending') told.push({ message: `${pod} is pending: ${reason}` })
    if (state === 'kept') told.push({ message: `${pod} keeps its route of before: ${reason}` })
  }
  if (nothing) {
    const why = routes.nodes.length === 0 ? 'it has no nodes yet' : 'none of its nodes has a host id yet'
    told.push({ code: 'CSNI303', message: `datacenter ${datacenter.name} cannot be routed: ${why}` })
  }
  return told
}

function turnText({ what, from, to }: Turn): string {
  return `${what} ${from} → ${to}: clients that still use ${from} will lose their connection`
}

/** What clients lose by it, a line each. */
function losses({ datacenter }: Observation, { changes, turns }: Plan): string[] {
  const pruned = changes.changes.filter(({ action }) => action === 'pruned')
  const shown = pruned.slice(0, 5).map(({ type, name }) => `${type.kind.toLowerCase()}/${name}`)
  const more = pruned.length > shown.length ? ` and ${pruned.length - shown.length} more` : ''
  return [
    ...turns.map((turn) => `Datacenter ${datacenter.name}: ${turnText(turn)}`),
    ...(pruned.length === 0 ? [] : [`To be removed: ${shown.join(', ')}${more}`]),
  ]
}

function resultOf(
  { dryRun }: WorkflowContext,
  { datacenter }: Observation,
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
    gateway: nameOf(gateway),
    port,
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
  if (nothing) return 'no node can be routed yet: nothing is changed'
  const whom = backend.described(routes.nodes)
  if (summary.created + summary.configured + summary.pruned === 0) return `${whom}; nothing had to change`
  return dryRun ? `${whom}; nothing was written` : whom
}
