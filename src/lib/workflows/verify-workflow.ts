/** `verify`: checks from outside, read-only, that clients reach each node by its name. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { findNode } from '../cassandra/node.ts'
import { divergingFrom } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { soundAdvice } from '../checks/advice.ts'
import { withFlagMismatches } from '../checks/diverging-flags.ts'
import { liveProbes, type LiveProbesOptions } from '../checks/live-probes.ts'
import { CHECKS } from '../checks/registry.ts'
import { type Report, runChecks } from '../checks/run-checks.ts'
import type { Probes } from '../checks/probes.ts'
import { parseAddress } from '../connection/dialer.ts'
import { CassSniError } from '../errors.ts'
import { pause, poll } from '../waiting/poll.ts'
import { readAuthorityFile } from './authority-file.ts'
import { chosenIdentity, type FoundIdentity, identityFor } from './find-identity.ts'
import { type LoginChoice, namedLogin } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

const PAUSE_MS = 2_000

export interface VerifyOptions extends LoginChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** Only this node: pod name, host ID or pod ordinal. */
  node?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  port?: number | undefined
  /** "host[:port]" to connect to instead of the load balancer. */
  address?: string | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
  /** Warnings count as failures. */
  strict: boolean
  /** Retry until all checks pass, for at most this time. */
  waitMs?: number | undefined
}

export interface VerifyResult extends Report {
  datacenter: string
  namespace: string
  /** Pod names of the checked nodes. */
  nodes: string[]
}

/**
 * Runs all checks; failed checks are results. Throws CSNI301 or CSNI302 if the datacenter or node is not found, CSNI502
 * or CSNI105 for an invalid --gateway, CSNI101 for an invalid address, CSNI102 or CSNI104 for a missing login or CA
 * file.
 */
export async function verify(context: WorkflowContext, options: VerifyOptions): Promise<VerifyResult> {
  const { signal, emit } = context
  if (options.address !== undefined) parseAddress(options.address, options.port ?? DEFAULT_GATEWAY_PORT)
  const [login, pem, identity] = await Promise.all([
    namedLogin(options),
    options.caFile === undefined ? undefined : readAuthorityFile(options.caFile, signal),
    chosenIdentity(options, signal),
  ])
  const client: Client = { login, identity, ca: options.caFile && pem ? { file: options.caFile, pem } : undefined }
  const first = await verifyOnce(context, options, client)
  if (first.ok || options.waitMs === undefined) return first
  // One step for all retries: its lines list what still fails.
  const title = `Retrying for up to ${Math.ceil(options.waitMs / 1000)}s`
  emit({ type: 'step', id: 'wait', title, state: 'started' })
  let last = first
  emit({ type: 'waiting', id: 'wait', lines: failureLines(last) })
  await pause(Math.min(PAUSE_MS, options.waitMs), signal)
  const passed = await poll({
    signal,
    interval: PAUSE_MS,
    timeoutMs: options.waitMs - PAUSE_MS,
    until: async () => {
      last = await verifyOnce({ ...context, emit: () => undefined }, options, client)
      if (last.ok) return last
      emit({ type: 'waiting', id: 'wait', lines: failureLines(last) })
      return undefined
    },
  })
  const state = passed === undefined ? 'failed' : 'done'
  emit({ type: 'step', id: 'wait', title, state, note: passed === undefined ? 'timed out' : 'all checks passed' })
  return last
}

/** "CSNI824 dse-dc1-default-sts-0: virtualservice/x not found", for the first failures. */
function failureLines({ checks }: VerifyResult): string[] {
  return checks
    .filter(({ result }) => result === 'fail' || result === 'unknown')
    .slice(0, 5)
    .map(({ code, node, reason = '' }) => `${code}${node === undefined ? '' : ` ${node}`}: ${reason}`)
}

/** Login, CA and client certificate of the command line. */
type Client = Pick<LiveProbesOptions, 'login' | 'ca'> & { identity: FoundIdentity | undefined }

async function verifyOnce(
  { kube, signal, emit, now }: WorkflowContext,
  options: VerifyOptions,
  client: Client,
): Promise<VerifyResult> {
  const { datacenter, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
    confirm: true,
  })
  const nodes = selectedNodes(datacenter, options.node)
  const { port = choices.port ?? DEFAULT_GATEWAY_PORT, tunnel, gateway, address, strict } = options
  const time = clusterTime({ kube, now })
  const { identity: chosen, ...named } = client
  const identity = await identityFor(kube, datacenter, chosen, time)
  const given = { port, tunnel, gateway, address, ...named, identity }
  const probes = liveProbes({ kube, datacenter, choices, ...given, signal, now: time })
  if (gateway !== undefined) await requireGateway(probes)
  const report = await runChecks({ checks: CHECKS, probes, nodes, signal, emit, strict })
  return {
    ok: report.ok,
    datacenter: datacenter.name,
    namespace: datacenter.namespace,
    nodes: nodes.map(({ pod }) => pod),
    checks: withFlagMismatches(await soundAdvice(report.checks, probes), divergingFrom(choices, options)),
    summary: report.summary,
  }
}

/**
 * Throws if --gateway matches no gateway or several: a usage error, not a finding. The checks report any other failure
 * to observe the gateway.
 */
async function requireGateway(probes: Probes): Promise<void> {
  await probes.gateway().catch((error: unknown) => {
    if (error instanceof CassSniError && (error.code === 'CSNI502' || error.code === 'CSNI105')) throw error
  })
}

function selectedNodes(datacenter: Datacenter, text: string | undefined): CassandraNode[] {
  return text === undefined ? datacenter.nodes : [findNode(datacenter, text)]
}
