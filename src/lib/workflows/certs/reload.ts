/**
 * Rolls out a new keystore from its Secret to the running nodes without a restart: annotating the pod makes the kubelet
 * sync its volumes, then Cassandra reloads the files. This takes seconds on a real cluster, instead of up to 600 s plus
 * the kubelet's sync period (apache/cassandra src/java/org/apache/cassandra/security/SSLFactory.java,
 * DEFAULT_HOT_RELOAD_PERIOD_SEC).
 */
import { createHash } from 'node:crypto'
import pLimit, { type LimitFunction } from 'p-limit'
import { keystoreObject } from '../../cassandra/authority-secret.ts'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import {
  type CertificateReader,
  type CertificateSummary,
  MAX_CONCURRENT_NODES,
  type Served,
} from '../../certificates/gather/served-certificates.ts'
import { keystoreMark } from '../../certificates/node-keystore.ts'
import { applyChanges } from '../../changes/apply.ts'
import type { Desired } from '../../changes/changeset.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { POD } from '../../cluster/resources.ts'
import { counted } from '../../text/counted.ts'
import { KEYSTORE_ANNOTATION } from '../../text/own-keys.ts'
import { CassSniError, command } from '../../errors.ts'
import { pause, poll } from '../../waiting/poll.ts'
import type { WorkflowContext } from '../context.ts'
import type { CertsNode, Timings } from './certs-options.ts'
import { type ReloadFailure, reloadKeystore } from './reload-command.ts'

const STEP = 'live'
const POLL_MS = 200
const SLOW_POLL_MS = 2000
/** A reload takes effect immediately. If the certificate is still old after this time, the reload is repeated. */
const AFTER_RELOAD_MS = 2000
const RELOAD_ATTEMPTS = 3

export interface RolloutInput {
  dc: Datacenter
  reader: CertificateReader
  /** Of the new certificate. */
  fingerprint256: string
  /** The keystore in the Secret. */
  keystore: Buffer
  /** Mount path of the keystore in the pods. */
  keystorePath: string
  /** Nodes to update, and what each serves. */
  targets: { node: CassandraNode; before: Served }[]
  timings: Timings
  /** False once the Secret has another keystore. */
  isCurrent: () => Promise<boolean>
}

type Target = RolloutInput['targets'][number] & {
  state: string
  /** Why the keystore cannot be reloaded, so that Cassandra's periodic reread is awaited. */
  reloadBlocked?: string
  reloaded: boolean
  /** Number of failed reloads, and the reason of the last. */
  failures: number
  failure?: string
}

/**
 * Rolls the certificate out to the targets, a few at a time.
 * @returns what each target serves at the end. A node whose certificate cannot be read is reloaded and reported as not
 * live. 'superseded' as soon as the Secret has another keystore, because this one will no longer be mounted
 * @throws CSNI404 listing the nodes that do not serve the certificate in time
 */
export async function rollOut(context: WorkflowContext, input: RolloutInput): Promise<CertsNode[] | 'superseded'> {
  const targets: Target[] = input.targets.map((target) => ({
    ...target,
    state: 'waiting for the kubelet to mount the new keystore',
    reloaded: false,
    failures: 0,
  }))
  const show = () =>
    context.emit({ type: 'waiting', id: STEP, lines: targets.map(({ node, state }) => `${node.pod}: ${state}`) })
  const sha256 = createHash('sha256').update(input.keystore).digest('hex')
  show()
  await annotatePods(context, input.dc, targets, keystoreMark(input.keystore))
  const rollout: Rollout = {
    context,
    input,
    sha256,
    show,
    limit: pLimit(MAX_CONCURRENT_NODES),
    isCurrent: throttled(input.isCurrent),
  }
  const outcomes = await Promise.all(targets.map((target) => updateNode(rollout, target)))
  const nodes = outcomes.filter((outcome) => outcome !== 'superseded')
  if (nodes.length < outcomes.length) return 'superseded'
  const late = nodes.filter((node) => !node.live && node.after !== undefined)
  if (late.length > 0) {
    const names = late.map(({ pod, note }) => (note === undefined ? pod : `${pod} (${note})`)).join(', ')
    throw new CassSniError('CSNI404', `${keystoreObject(input.dc)}: new certificate not yet served by ${names}`, {
      object: late.map(({ pod }) => `pod/${pod} in namespace ${input.dc.namespace}`).join(', '),
      next: [
        command`kubectl cass-sni certs`,
        ...late.map(
          ({ pod }) => command`kubectl exec ${pod} -n ${input.dc.namespace} -c cassandra -- nodetool reloadssl`,
        ),
      ],
    })
  }
  return nodes
}

/** Suppresses changes: the pod has been reported as changed. */
function withoutChanges(context: WorkflowContext): WorkflowContext {
  return { ...context, emit: (event) => event.type !== 'change' && context.emit(event) }
}

/** Annotates the pods, which makes the kubelet sync their volumes. Warns without permission to do so. */
async function annotatePods(
  context: WorkflowContext,
  dc: Datacenter,
  targets: readonly Target[],
  mark: string,
): Promise<void> {
  // The successor of a terminating pod starts with the new keystore.
  const desired = targets
    .filter(({ node }) => !node.terminating)
    .map(
      ({ node }): Desired => ({
        type: POD,
        object: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: node.pod, namespace: dc.namespace, annotations: { [KEYSTORE_ANNOTATION]: mark } },
        },
        ownership: 'share',
        managerSuffix: 'certs',
        force: true,
        mustExist: true,
      }),
    )
  try {
    await applyChanges(context, await planChanges(context.kube, desired))
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    // The successor of a deleted pod starts with the new keystore.
    if (error.code === 'CSNI204') return
    if (error.code !== 'CSNI203') throw error
    context.emit({
      type: 'warning',
      code: error.code,
      message: `cannot annotate pods (${error.message}); the kubelet syncs the Secret within two minutes`,
    })
  }
}

/** State shared by all nodes of a rollout. */
interface Rollout {
  context: WorkflowContext
  input: RolloutInput
  sha256: string
  show: () => void
  /** Limits commands and reads, which are tunnels through the API server, but not waiting. */
  limit: LimitFunction
  isCurrent: () => Promise<boolean>
}

/** Evaluates the condition at most every `SLOW_POLL_MS`, and not again once it is false. */
function throttled(condition: () => Promise<boolean>): () => Promise<boolean> {
  let evaluated = Number.NEGATIVE_INFINITY
  let result = Promise.resolve(true)
  return async () => {
    if ((await result) && performance.now() - evaluated >= SLOW_POLL_MS) {
      evaluated = performance.now()
      result = condition()
    }
    return result
  }
}

/** Updates one node: reloads its keystore until it serves the new certificate or times out. */
async function updateNode(rollout: Rollout, target: Target): Promise<CertsNode | 'superseded'> {
  const { context, input, sha256, show, limit } = rollout
  const { node, before } = target
  const setState = (state: string) => {
    if (target.state === state) return
    target.state = state
    show()
  }
  // The timeout starts with the node's turn.
  let started: number | undefined
  const timedOut = () => context.now() - (started ?? context.now()) >= timeoutOf(target, input.timings)
  let retries = 0
  for (;;) {
    if (target.reloadBlocked === undefined) {
      const outcome = await limit(() => {
        started ??= context.now()
        return reloadKeystore(context, node, { namespace: input.dc.namespace, path: input.keystorePath, sha256 })
      })
      if (outcome === 'old' && !timedOut()) {
        if (!(await rollout.isCurrent())) return 'superseded'
        // If the kubelet did not have the new Secret when the pod was annotated, another annotation repeats the sync.
        retries += 1
        await annotatePods(withoutChanges(context), input.dc, [target], `${keystoreMark(input.keystore)}-${retries}`)
        continue
      }
      if (outcome === 'reloaded') target.reloaded = true
      else if (outcome !== 'old') recordFailure(context, target, outcome, input.timings)
    }
    setState(stateOf(target, context.now() - (started ?? context.now())))
    const timeoutMs = target.reloaded && target.reloadBlocked === undefined ? AFTER_RELOAD_MS : 0
    const served = await readUntilNew(rollout, node, timeoutMs)
    if ('certificate' in served && served.certificate.fingerprint256 === input.fingerprint256) {
      setState('serving the new certificate')
      return { pod: node.pod, before: certificateOf(before), after: served.certificate, live: true }
    }
    if (!(await rollout.isCurrent())) return 'superseded'
    if (timedOut()) return notLive(target, served)
    if (!target.reloaded) await pause(Math.min(SLOW_POLL_MS, timeoutOf(target, input.timings)), context.signal)
  }
}

/** Returns how long to wait for a node, in milliseconds. */
function timeoutOf({ before, reloaded, reloadBlocked }: Target, timings: Timings): number {
  // Waiting is pointless if the node can be neither reloaded nor read.
  if ('failure' in before && reloadBlocked !== undefined) return 0
  if ('failure' in before && reloaded) return timings.unreadableMs
  return reloadBlocked === undefined ? timings.reloadMs : timings.rereadMs
}

/** Records a failed reload. It is retried, because the pod may be starting or terminating, unless it was forbidden. */
function recordFailure(
  context: WorkflowContext,
  target: Target,
  { reason, forbidden }: ReloadFailure,
  timings: Timings,
): void {
  target.failures += 1
  target.failure = reason
  const unreadable = 'failure' in target.before
  if (!forbidden && !unreadable && target.failures < RELOAD_ATTEMPTS) return
  target.reloadBlocked = reason
  if (unreadable) return
  context.emit({
    type: 'warning',
    code: 'CSNI404',
    message:
      `${target.node.pod}: cannot reload keystore (${reason}); Cassandra rereads it within ` +
      `${counted(Math.ceil(timings.rereadMs / 60_000), 'minute')}`,
  })
}

function stateOf({ reloadBlocked, reloaded }: Target, milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000)
  if (reloadBlocked !== undefined)
    return `waiting for Cassandra to reread its keystore (every 10 minutes, ${minutes}m elapsed)`
  return reloaded ? 'keystore reloaded' : 'retrying to reload the keystore'
}

/** Returns the result of a node that did not serve the new certificate in time. */
function notLive({ node, before, reloaded, failure }: Target, served: Served): CertsNode {
  const state = reloaded ? 'keystore reloaded, certificate unchanged' : (failure ?? 'new keystore not mounted')
  // A node that was readable before counts as late, not as unreadable.
  const last = 'certificate' in served ? served : before
  return {
    pod: node.pod,
    before: certificateOf(before),
    after: certificateOf(last),
    live: false,
    note:
      'failure' in served
        ? `${reloaded ? 'keystore reloaded' : state}; cannot read its certificate: ${served.failure}`
        : state,
  }
}

function certificateOf(served: Served): CertificateSummary | undefined {
  return 'certificate' in served ? served.certificate : undefined
}

/** Reads the node's certificate until it is the new one or `timeoutMs` has elapsed; at least once. */
async function readUntilNew(
  { context, input, limit }: Rollout,
  node: CassandraNode,
  timeoutMs: number,
): Promise<Served> {
  let served: Served = { failure: 'not read' }
  await poll({
    signal: context.signal,
    interval: POLL_MS,
    timeoutMs,
    until: async () => {
      served = await limit(() => input.reader.read(node))
      return certificateOf(served)?.fingerprint256 === input.fingerprint256 ? served : undefined
    },
  })
  return served
}
