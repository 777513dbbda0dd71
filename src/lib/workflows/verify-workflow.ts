/** `verify`: proves, from outside and without writing anything, that clients reach each node by its name. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { findNode } from '../cassandra/node.ts'
import { observeRouted } from '../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/route-plan.ts'
import { liveProbes } from '../checks/live-probes.ts'
import { CHECKS } from '../checks/registry.ts'
import { type Report, runChecks } from '../checks/run-checks.ts'
import type { Probes } from '../checks/probes.ts'
import { parseAddress } from '../connection/dialer.ts'
import { CassSniError, throwIfAborted } from '../errors.ts'
import type { WorkflowContext } from './context.ts'

const PAUSE_MS = 2_000

export interface VerifyOptions {
  datacenter?: string
  clusterDomain?: string | undefined
  /** Only this node: pod name, host id, or ordinal. */
  node?: string
  /** "namespace/service" or "service". */
  gateway?: string
  port?: number | undefined
  /** "host[:port]" to go to instead of the load balancer's own address. */
  address?: string
  /** Go through the API server even if the load balancer answers. */
  tunnel: boolean
  /** Warnings count as failures. */
  strict: boolean
  /** Look again until it is ok, for that long. */
  waitMs?: number
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
 * and is none, CSNI101 for an address that is none; failures of checks are results.
 */
export async function verify(context: WorkflowContext, options: VerifyOptions): Promise<VerifyResult> {
  const { signal, now, emit } = context
  if (options.address !== undefined) parseAddress(options.address, options.port ?? DEFAULT_GATEWAY_PORT)
  const deadline = now() + (options.waitMs ?? 0)
  let waiting = false
  for (;;) {
    const result = await verifyOnce(waiting ? { ...context, emit: () => undefined } : context, options)
    if (result.ok || now() + PAUSE_MS > deadline) {
      const note = result.ok ? 'all is well now' : 'the time is up'
      if (waiting) emit({ type: 'step', id: 'wait', title: 'waiting', state: result.ok ? 'done' : 'failed', note })
      return result
    }
    const bad = result.checks.filter(({ result: each }) => each === 'fail')
    // One step for all the waiting: its lines tell what is still missing.
    if (!waiting)
      emit({
        type: 'step',
        id: 'wait',
        title: `waiting, up to ${Math.ceil((deadline - now()) / 1000)} s`,
        state: 'started',
      })
    waiting = true
    emit({
      type: 'waiting',
      id: 'wait',
      lines: bad
        .slice(0, 5)
        .map(({ title, node, reason }) => `${node === undefined ? '' : `${node}: `}${title}: ${reason ?? ''}`),
    })
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => throwIfAborted(signal))
  }
}

async function verifyOnce({ kube, signal, emit, now }: WorkflowContext, options: VerifyOptions): Promise<VerifyResult> {
  const { datacenter, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  })
  const nodes = wantedNodes(datacenter, options.node)
  const { port = choices.port ?? DEFAULT_GATEWAY_PORT, tunnel, gateway, address, strict } = options
  const probes = liveProbes({
    kube,
    datacenter,
    choices,
    port,
    tunnel,
    signal,
    now: now(),
    ...(gateway === undefined ? {} : { gateway }),
    ...(address === undefined ? {} : { address }),
  })
  if (gateway !== undefined) await mustBeGateway(probes)
  const report = await runChecks({ checks: CHECKS, probes, nodes, signal, emit, strict })
  return {
    ok: report.ok,
    datacenter: datacenter.name,
    namespace: datacenter.namespace,
    nodes: nodes.map(({ pod }) => pod),
    checks: report.checks,
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
