/**
 * Brings a new keystore from its Secret into the running nodes, without a restart: kubelet is made to sync the pod's
 * volumes at once by a
 * touch of the pod, then Cassandra is told to read its files again. Tried on a real cluster: seconds, against up to
 * 600 s plus kubelet's sync
 * when it is left alone (apache/cassandra src/java/org/apache/cassandra/security/SSLFactory.java,
 * DEFAULT_HOT_RELOAD_PERIOD_SEC).
 */
import { createHash } from 'node:crypto'
import pLimit, { type LimitFunction } from 'p-limit'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { applyChanges } from '../../changes/apply.ts'
import type { Desired } from '../../changes/changeset.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { POD } from '../../cluster/resources.ts'
import { KEYSTORE_ANNOTATION } from '../../text/own-keys.ts'
import { CassSniError, command } from '../../errors.ts'
import { pause, poll } from '../../waiting/poll.ts'
import type { WorkflowContext } from '../context.ts'
import type { CertsNode, Timings } from './certs-options.ts'
import { NODES_AT_ONCE } from './gather-certificates.ts'
import { type ReloadRefusal, reloadKeystore } from './reload-command.ts'
import type { Look, Viewer } from './served-certificates.ts'

const STEP = 'live'
const POLL_MS = 200
const SLOW_POLL_MS = 2000
/** After a reload the new certificate is there at once; when it is not after this long, it is told again. */
const AFTER_RELOAD_MS = 2000
const RELOAD_ATTEMPTS = 3
export interface LiveInput {
  dc: Datacenter
  viewer: Viewer
  /** The new certificate's. */
  fingerprint256: string
  /** The keystore's bytes, as they are in the Secret. */
  keystore: Buffer
  /** Where it is mounted in the nodes. */
  keystorePath: string
  /** Nodes that are to be brought along, and what each serves. */
  targets: { node: CassandraNode; before: Look }[]
  timings: Timings
  /** False when the Secret holds another keystore by now. */
  isCurrent: () => Promise<boolean>
}

type Target = LiveInput['targets'][number] & {
  state: string
  /** Why it cannot be told, and has to find the file by itself. */
  onItsOwn?: string
  reloaded: boolean
  /** How often it could not be told, and why the last time. */
  refusals: number
  refusal?: string
}

/**
 * Makes the certificate live on the targets, a few at a time.
 * @returns what each target serves in the end; one that cannot be looked at is told and reported as not live.
 * 'superseded' as soon as the Secret holds another keystore: this one will not come any more
 * @throws CSNI404 naming the nodes that do not serve it in time
 */
export async function makeLive(context: WorkflowContext, input: LiveInput): Promise<CertsNode[] | 'superseded'> {
  const targets: Target[] = input.targets.map((target) => ({
    ...target,
    state: 'waits for kubelet to bring the new keystore',
    reloaded: false,
    refusals: 0,
  }))
  const show = () =>
    context.emit({ type: 'waiting', id: STEP, lines: targets.map(({ node, state }) => `${node.pod}: ${state}`) })
  const sha256 = createHash('sha256').update(input.keystore).digest('hex')
  show()
  await touch(context, input.dc, targets, sha256.slice(0, 16))
  const tools: Tools = {
    context,
    input,
    sha256,
    show,
    limit: pLimit(NODES_AT_ONCE),
    isCurrent: rarely(input.isCurrent),
  }
  const outcomes = await Promise.all(targets.map((target) => bringAlong(tools, target)))
  const nodes = outcomes.filter((outcome) => outcome !== 'superseded')
  if (nodes.length < outcomes.length) return 'superseded'
  const late = nodes.filter((node) => !node.live && node.after !== undefined)
  if (late.length > 0) {
    const names = late.map(({ pod, note }) => (note === undefined ? pod : `${pod} (${note})`)).join(', ')
    throw new CassSniError(
      'CSNI404',
      `the new certificate is in ${input.dc.keystores.keystoreSecret}, but not served yet by ${names}`,
      {
        object: late.map(({ pod }) => `pod/${pod} in namespace ${input.dc.namespace}`).join(', '),
        next: [
          command`kubectl cass-sni certs`,
          ...late.map(
            ({ pod }) => command`kubectl exec ${pod} -n ${input.dc.namespace} -c cassandra -- nodetool reloadssl`,
          ),
        ],
      },
    )
  }
  return nodes
}

/** Touches the pods. Without the right to, kubelet brings the file at its own time. */
async function touch(
  context: WorkflowContext,
  dc: Datacenter,
  targets: readonly Target[],
  mark: string,
): Promise<void> {
  // A pod that is being deleted comes back with the new keystore.
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
        taker: 'certs',
        force: true,
        mustExist: true,
      }),
    )
  try {
    await applyChanges(context, await planChanges(context.kube, desired))
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    // A pod that is gone comes back with the new keystore.
    if (error.code === 'CSNI204') return
    if (error.code !== 'CSNI203') throw error
    context.emit({
      type: 'warning',
      code: error.code,
      message: `the pods cannot be touched, so kubelet brings the new keystore in a minute or two: ${error.message}`,
    })
  }
}

/** What bringing one node along needs of the whole. */
interface Tools {
  context: WorkflowContext
  input: LiveInput
  sha256: string
  show: () => void
  /** Commands and looks are tunnels through the API server; waiting is not. */
  limit: LimitFunction
  isCurrent: () => Promise<boolean>
}

/** Asks at most every `SLOW_POLL_MS`; a no stays a no. */
function rarely(ask: () => Promise<boolean>): () => Promise<boolean> {
  let asked = Number.NEGATIVE_INFINITY
  let answer = Promise.resolve(true)
  return async () => {
    if ((await answer) && performance.now() - asked >= SLOW_POLL_MS) {
      asked = performance.now()
      answer = ask()
    }
    return answer
  }
}

/** One node, from the touch of its pod until it serves the new certificate or its time is over. */
async function bringAlong(tools: Tools, target: Target): Promise<CertsNode | 'superseded'> {
  const { context, input, sha256, show, limit } = tools
  const { node, before } = target
  const tell = (state: string) => {
    if (target.state === state) return
    target.state = state
    show()
  }
  // A node's time begins when its turn comes.
  let begun: number | undefined
  const timeIsOver = () => context.now() - (begun ?? context.now()) >= limitOf(target, input.timings)
  let retouched = 0
  for (;;) {
    if (target.onItsOwn === undefined) {
      const outcome = await limit(() => {
        begun ??= context.now()
        return reloadKeystore(context, node, { namespace: input.dc.namespace, path: input.keystorePath, sha256 })
      })
      if (outcome === 'old' && !timeIsOver()) {
        if (!(await tools.isCurrent())) return 'superseded'
        // The touch may have come before kubelet heard of the new Secret: another one makes it look again.
        retouched += 1
        await touch(context, input.dc, [target], `${sha256.slice(0, 16)}-${retouched}`)
        continue
      }
      if (outcome === 'reloaded') target.reloaded = true
      else if (outcome !== 'old') refused(context, target, outcome, input.timings)
    }
    tell(stateOf(target, context.now() - (begun ?? context.now())))
    const patience = target.reloaded && target.onItsOwn === undefined ? AFTER_RELOAD_MS : 0
    const look = await lookUntil(tools, node, patience)
    if ('served' in look && look.served.fingerprint256 === input.fingerprint256) {
      tell('serves the new certificate')
      return { pod: node.pod, before: 'served' in before ? before.served : undefined, after: look.served, live: true }
    }
    if (!(await tools.isCurrent())) return 'superseded'
    if (timeIsOver()) return inTheEnd(target, look)
    if (!target.reloaded) await pause(Math.min(SLOW_POLL_MS, limitOf(target, input.timings)), context.signal)
  }
}

/** For so long a node is waited for. */
function limitOf({ before, reloaded, onItsOwn }: Target, timings: Timings): number {
  // Who can neither be told nor looked at is not waited for.
  if ('trouble' in before && onItsOwn !== undefined) return 0
  if ('trouble' in before && reloaded) return timings.unseenMs
  return onItsOwn === undefined ? timings.reloadMs : timings.rereadMs
}

/**
 * Cassandra could not be told. A pod may just be going away or coming up: it is tried again, but not where the right
 * is missing.
 */
function refused(context: WorkflowContext, target: Target, { why, forbidden }: ReloadRefusal, timings: Timings): void {
  target.refusals += 1
  target.refusal = why
  const unseen = 'trouble' in target.before
  if (!forbidden && !unseen && target.refusals < RELOAD_ATTEMPTS) return
  target.onItsOwn = why
  if (unseen) return
  context.emit({
    type: 'warning',
    code: 'CSNI404',
    message:
      `${target.node.pod} cannot be told to read its new keystore and finds it by itself, which may take ` +
      `${Math.ceil(timings.rereadMs / 60_000)} min: ${why}`,
  })
}

function stateOf({ onItsOwn, reloaded }: Target, milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000)
  if (onItsOwn !== undefined)
    return `reads its keystore again by itself, every 600 s${minutes > 0 ? `; waiting for ${minutes} min` : ''}`
  return reloaded ? 'was told to read its keystore' : 'cannot be told to read its keystore yet'
}

/** What is reported of a node that was not seen to serve the new certificate in its time. */
function inTheEnd({ node, before, reloaded, refusal }: Target, look: Look): CertsNode {
  const told = reloaded ? 'was told to read its keystore' : (refusal ?? 'still has the old keystore')
  // A node that was seen once counts as late, not as unseen, when it cannot be looked at in the end.
  const last = 'served' in look ? look : before
  return {
    pod: node.pod,
    before: 'served' in before ? before.served : undefined,
    after: 'served' in last ? last.served : undefined,
    live: false,
    note: 'trouble' in look ? `${told}; cannot be looked at: ${look.trouble}` : told,
  }
}

/** Looks at the node until it serves the new certificate, for so long at most; once at least. */
async function lookUntil({ context, input, limit }: Tools, node: CassandraNode, milliseconds: number): Promise<Look> {
  let look: Look = { trouble: 'not looked at' }
  await poll({
    signal: context.signal,
    interval: POLL_MS,
    timeoutMs: milliseconds,
    until: async () => {
      look = await limit(() => input.viewer.look(node))
      return 'served' in look && look.served.fingerprint256 === input.fingerprint256 ? look : undefined
    },
  })
  return look
}
