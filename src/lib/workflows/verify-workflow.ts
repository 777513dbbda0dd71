/** `verify`: proves, from outside and without writing anything, that clients reach each node by its name. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { findNode } from '../cassandra/node.ts'
import { divergingFrom } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/route-plan.ts'
import { soundAdvice } from '../checks/advice.ts'
import { heedRoutes } from '../checks/diverging-flags.ts'
import { liveProbes, type LiveProbesOptions } from '../checks/live-probes.ts'
import { CHECKS } from '../checks/registry.ts'
import { type Report, runChecks } from '../checks/run-checks.ts'
import type { Probes } from '../checks/probes.ts'
import { parseAddress } from '../connection/dialer.ts'
import { CassSniError } from '../errors.ts'
import { pause, poll } from '../waiting/poll.ts'
import { readAuthorityFile } from './authority-file.ts'
import { type LoginChoice, namedLogin } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

const PAUSE_MS = 2_000

export interface VerifyOptions extends LoginChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** Only this node: pod name, host id, or ordinal. */
  node?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  port?: number | undefined
  /** "host[:port]" to go to instead of the load balancer's own address. */
  address?: string | undefined
  /** Go through the API server even if the load balancer answers. */
  tunnel: boolean
  /** Warnings count as failures. */
  strict: boolean
  /** Look again until it is ok, for that long. */
  waitMs?: number | undefined
}

export interface VerifyResult extends Report {
  datacenter: string
  namespace: string
  /** Pod names of the nodes that were looked at. */
  nodes: string[]
}

/**
 * Makes all checks. Throws CSNI301 and CSNI302 for a datacenter or node that is not there, CSNI502 and CSNI105 for a
 * gateway that was named
 * and is none, CSNI101 for an address that is none, CSNI102 and CSNI104 for a login or a CA file that is missing;
 * failures of checks are results.
 */
export async function verify(context: WorkflowContext, options: VerifyOptions): Promise<VerifyResult> {
  const { signal, emit } = context
  if (options.address !== undefined) parseAddress(options.address, options.port ?? DEFAULT_GATEWAY_PORT)
  const [login, pem] = await Promise.all([
    namedLogin(options),
    options.caFile === undefined ? undefined : readAuthorityFile(options.caFile, signal),
  ])
  const client: Client = { login, ca: options.caFile && pem ? { file: options.caFile, pem } : undefined }
  const first = await verifyOnce(context, options, client)
  if (first.ok || options.waitMs === undefined) return first
  // One step for all the waiting: its lines tell what is still missing.
  const title = `waiting, up to ${Math.ceil(options.waitMs / 1000)} s`
  emit({ type: 'step', id: 'wait', title, state: 'started' })
  let last = first
  emit({ type: 'waiting', id: 'wait', lines: missingLines(last) })
  await pause(Math.min(PAUSE_MS, options.waitMs), signal)
  const good = await poll({
    signal,
    interval: PAUSE_MS,
    timeoutMs: options.waitMs - PAUSE_MS,
    until: async () => {
      last = await verifyOnce({ ...context, emit: () => undefined }, options, client)
      if (last.ok) return last
      emit({ type: 'waiting', id: 'wait', lines: missingLines(last) })
      return undefined
    },
  })
  const note = good === undefined ? 'the time is up' : 'all is well now'
  emit({ type: 'step', id: 'wait', title: 'waiting', state: good === undefined ? 'failed' : 'done', note })
  return last
}

function missingLines({ checks }: VerifyResult): string[] {
  return checks
    .filter(({ result }) => result === 'fail' || result === 'unknown')
    .slice(0, 5)
    .map(({ title, node, reason }) => `${node === undefined ? '' : `${node}: `}${title}: ${reason ?? ''}`)
}

/** Login and CA of the command line. */
type Client = Pick<LiveProbesOptions, 'login' | 'ca'>

async function verifyOnce(
  { kube, signal, emit, now }: WorkflowContext,
  options: VerifyOptions,
  client: Client,
): Promise<VerifyResult> {
  const { datacenter, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  })
  const nodes = wantedNodes(datacenter, options.node)
  const { port = choices.port ?? DEFAULT_GATEWAY_PORT, tunnel, gateway, address, strict } = options
  const given = { port, tunnel, gateway, address, ...client }
  const probes = liveProbes({ kube, datacenter, choices, ...given, signal, now: clusterTime({ kube, now }) })
  if (gateway !== undefined) await mustBeGateway(probes)
  const report = await runChecks({ checks: CHECKS, probes, nodes, signal, emit, strict })
  return {
    ok: report.ok,
    datacenter: datacenter.name,
    namespace: datacenter.namespace,
    nodes: nodes.map(({ pod }) => pod),
    checks: heedRoutes(await soundAdvice(report.checks, probes), divergingFrom(choices, options)),
    summary: report.summary,
  }
}

/**
 * A gateway that was named wrongly is a mistake on the command line, and no finding. What else keeps it from being
 * seen, the checks tell.
 */
async function mustBeGateway(probes: Probes): Promise<void> {
  await probes.gateway().catch((error: unknown) => {
    if (error instanceof CassSniError && (error.code === 'CSNI502' || error.code === 'CSNI105')) throw error
  })
}

function wantedNodes(datacenter: Datacenter, text: string | undefined): CassandraNode[] {
  return text === undefined ? datacenter.nodes : [findNode(datacenter, text)]
}
