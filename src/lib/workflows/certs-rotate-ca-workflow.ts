/**
 * `certs rotate-ca`: replaces the CA of a datacenter without an outage. Every node trusts the new CA before any node
 * serves a certificate of it, and clients receive both CAs in between. The state is in the CA Secret, so any run, on
 * any machine, resumes an interrupted one.
 */
import { authorityLocation, authorityObject, type RotationPhase } from '../cassandra/authority-secret.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import type { AuthorityPath } from '../certificates/authority-path.ts'
import { dateText } from '../certificates/certificate.ts'
import { expired } from '../certificates/reason.ts'
import { retryOvertaken } from '../changes/apply.ts'
import { again, againWithout, CassSniError, command, hint, type NextStep } from '../errors.ts'
import { certs } from './certs-workflow.ts'
import type { AuthoritySummary, CertsNode, CertsOptions } from './certs/certs-options.ts'
import { requirePeersReplaced, requirePeersTrust } from './certs/cluster-peers.ts'
import { requireOperatorKeystore, requireSharedTruststore } from './certs/gather-certificates.ts'
import {
  newAuthority,
  type NewAuthorityOptions,
  readReplacement,
  type ReplacementAuthority,
} from './certs/new-authority.ts'
import {
  endRotation,
  readRotationState,
  replaceAuthority,
  retireOther,
  type RotationState,
  type RotationStep,
  startRotation,
  switchAuthority,
  writeRotation,
} from './certs/rotation-state.ts'
import { clusterTime } from './cluster-time.ts'
import { confirmChanges } from './confirm-changes.ts'
import type { WorkflowContext } from './context.ts'

export interface RotateCaOptions
  extends Pick<CertsOptions, 'datacenter' | 'clusterDomain' | 'gateway' | 'gatewayPort' | 'timings'> {
  authority: NewAuthorityOptions
  /** Clients have both CAs: continue to the end. */
  finish: boolean
  /** Keep the current CA. */
  abort: boolean
  /** The CA has expired: do not wait for clients, which cannot connect until they have the new one. */
  expired: boolean
}

export interface RotateCaResult {
  ok: true
  namespace: string
  datacenter: string
  dryRun: boolean
  /**
   * waiting: clients must be updated before the rotation can continue. finished, aborted: complete. none: no rotation
   * was in progress. planned: dry run of the next step.
   */
  outcome: 'waiting' | 'finished' | 'aborted' | 'none' | 'planned'
  /** The phase stored in the CA Secret; absent without a rotation. */
  phase?: RotationPhase | undefined
  /** The CA that signs. */
  authority: AuthoritySummary
  /** The new CA before it signs, afterwards the previous one; absent without a rotation. */
  other?: AuthoritySummary | undefined
  /** What the nodes serve, if they were read. */
  nodes: CertsNode[]
  next: NextStep[]
}

/** Titles of the steps of `certs` in each phase; its other steps are not reported. */
const TITLES: Record<RotationPhase, Record<string, string>> = {
  trust: { keystore: 'Keystore with both CAs', live: 'Rollout of both CAs' },
  sign: { keystore: 'Certificate of the new CA', live: 'Rollout of the new certificate' },
  drop: { keystore: 'Keystore without the previous CA', live: 'Rollout without the previous CA' },
  abort: { keystore: 'Keystore without the new CA', live: 'Rollout without the new CA' },
}

interface Run {
  readonly context: WorkflowContext
  readonly options: RotateCaOptions
  readonly dc: Datacenter
  readonly given: ReplacementAuthority | undefined
  nodes: CertsNode[]
  outcome: RotateCaResult['outcome']
  /** The user has confirmed the start. */
  confirmed: boolean
  /** Clients have both CAs. */
  finish: boolean
  /** This run has issued the first certificate of the new CA. */
  issued: boolean
}

/**
 * Starts, resumes, finishes or aborts a CA rotation. Without `finish`, stops once every node trusts both CAs, and asks
 * on a terminal whether to continue.
 * @throws CSNI101 if the options do not match the state; CSNI306 and CSNI401 to CSNI405 before anything is changed;
 * CSNI404 if a node is not ready for the next phase; CSNI902 if the user declines
 */
export async function rotateCa(context: WorkflowContext, options: RotateCaOptions): Promise<RotateCaResult> {
  const dc = await observeDatacenter(context.kube, {
    namespace: context.kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  })
  requireOperatorKeystore(dc)
  requireSharedTruststore(dc)
  const given = await readReplacement(context, dc.namespace, options.authority)
  const { finish } = options
  const run: Run = { context, options, dc, given, nodes: [], outcome: 'none', confirmed: false, finish, issued: false }
  return retryOvertaken(context.signal, async () => {
    for (;;) {
      const state = await readRotationState(context, dc)
      const step = await nextStep(run, state)
      if (step === undefined) return result(run, state)
      await writeRotation(context, dc, state.material, step)
      if (!context.dryRun) continue
      run.outcome = 'planned'
      return result(run, state)
    }
  })
}

/** Does what the phase requires. Returns the write that starts the next phase; undefined to stop. */
async function nextStep(run: Run, state: RotationState): Promise<RotationStep | undefined> {
  const { options, dc } = run
  const { rotation } = state
  if (rotation === undefined) return run.outcome === 'none' ? start(run, state) : undefined
  requireSameAuthority(run, rotation.phase === 'trust' ? rotation.other : state.authority.path)
  switch (rotation.phase) {
    case 'trust':
      if (options.abort) return retireOther('abort')
      // Nodes with an expired certificate accept each other no more than those with different CAs.
      if (options.expired || hasExpired(run, state)) {
        requireExpiredFlag(run, state)
        return switchAuthority(state, dc)
      }
      if (run.finish) await requirePeersTrust(run, state.authority.path, rotation.other)
      await rollOut(run, 'trust')
      warnOfClientCertificates(run)
      if (!(await clientsHaveBoth(run))) return wait(run)
      await requirePeersTrust(run, state.authority.path, rotation.other)
      return switchAuthority(state, dc)
    case 'sign':
      if (options.abort) throw tooLateToAbort(dc, state)
      await rollOut(run, 'sign')
      // Clients with a certificate of the previous CA need one of the new CA first.
      if (dc.clientEncryption.requireClientAuth && (run.issued || !run.finish)) return wait(run)
      await requirePeersReplaced(run, rotation.other)
      return retireOther('drop')
    default:
      await rollOut(run, rotation.phase)
      run.outcome = rotation.phase === 'drop' ? 'finished' : 'aborted'
      return endRotation
  }
}

function wait(run: Run): undefined {
  run.outcome = 'waiting'
}

/** Creates the new CA, except to end a rotation. */
async function start(run: Run, state: RotationState): Promise<RotationStep | undefined> {
  const { context, options, dc, given } = run
  if (options.finish || options.abort) return undefined
  requireExpiredFlag(run, state)
  const [current] = state.authority.path
  if (given?.path[0].fingerprint256 === current.fingerprint256)
    throw new CassSniError('CSNI101', `${authorityObject(dc)} already has this CA (${current.subject})`)
  // Everything that certs refuses is refused before the first write.
  if (!options.expired) await certs({ ...context, dryRun: true, emit: () => undefined }, certsOptions(options))
  const title = given === undefined ? 'creates a new CA' : `replaces the CA with ${given.path[0].subject}`
  if (!run.confirmed && !context.dryRun)
    await confirmChanges(
      context.ask,
      [
        `${title} for datacenter ${dc.name} in namespace ${dc.namespace}`,
        options.expired
          ? 'reissues the node certificates: clients must then receive the new CA'
          : 'makes every node trust both CAs; clients are not affected',
      ],
      again`--dry-run`,
    )
  run.confirmed = true
  const next = given?.pem ?? (await created(run))
  return options.expired ? replaceAuthority(state, next) : startRotation(next)
}

async function created({ context, options, dc }: Run) {
  // Generating a key takes seconds; any other text produces the same change record.
  if (context.dryRun) return { certificate: 'the new CA', key: 'its key' }
  const step = { type: 'step', id: 'new-authority', title: 'New CA' } as const
  context.emit({ ...step, state: 'started' })
  const pem = await newAuthority(context, dc, options.authority.days)
  context.emit({ ...step, state: 'done', note: `created, valid for ${options.authority.days} days` })
  return pem
}

/**
 * Runs `certs`, which issues what the phase requires and waits until every node serves it.
 * @throws CSNI404 if a node does not: the next phase would separate it from the others
 */
async function rollOut(run: Run, phase: RotationPhase): Promise<void> {
  const { context, dc } = run
  const titles = TITLES[phase]
  const outcome = await certs(
    {
      ...context,
      emit: (event) => {
        if (event.type !== 'step' && event.type !== 'waiting') return context.emit(event)
        const title = titles[event.id]
        if (title === undefined) return
        const id = `${phase}-${event.id}`
        context.emit(event.type === 'step' ? { ...event, id, title } : { ...event, id })
      },
    },
    certsOptions(run.options),
  )
  run.nodes = outcome.nodes
  run.issued ||= phase === 'sign' && outcome.leaf.issued
  const late = outcome.nodes.filter(({ live }) => !live)
  if (late.length === 0 || context.dryRun) return
  const names = late.map(({ pod, note }) => (note === undefined ? pod : `${pod} (${note})`)).join(', ')
  throw new CassSniError(
    'CSNI404',
    `cassandradatacenter/${dc.name} in namespace ${dc.namespace}: CA rotation waits for ${names}`,
    {
      object: late.map(({ pod }) => `pod/${pod} in namespace ${dc.namespace}`).join(', '),
      next: [command`kubectl get pods -n ${dc.namespace}`, again``],
    },
  )
}

function certsOptions({ datacenter, clusterDomain, gateway, gatewayPort, timings }: RotateCaOptions): CertsOptions {
  return { datacenter, clusterDomain, gateway, gatewayPort, timings }
}

/** Returns whether to continue after every node trusts both CAs: with `finish`, or if the user agrees. */
async function clientsHaveBoth(run: Run): Promise<boolean> {
  const { context } = run
  if (run.finish || context.ask === undefined) return run.finish
  const answer = await context.ask({
    kind: 'confirm',
    name: 'finish',
    flag: '--finish',
    message: 'Do all clients trust both CAs?',
    details: [
      'every node trusts both CAs',
      'before nodes serve certificates of the new CA, clients must have the output of kubectl cass-sni certs ca',
    ],
    initial: false,
  })
  run.finish = answer === 'yes'
  return run.finish
}

function warnOfClientCertificates({ context, dc }: Run): void {
  if (!dc.clientEncryption.requireClientAuth) return
  context.emit({
    type: 'warning',
    message:
      'nodes require client certificates: once the rotation is finished, those of the previous CA are rejected; ' +
      'reissue them after the new CA signs',
  })
}

/** Throws CSNI101 if a rotation to another CA than the given one is in progress. */
function requireSameAuthority({ given, dc }: Run, [next]: AuthorityPath): void {
  if (given === undefined || given.path[0].fingerprint256 === next.fingerprint256) return
  throw new CassSniError(
    'CSNI101',
    `${authorityObject(dc)}: a rotation to another CA is in progress (${next.subject})`,
    {
      object: authorityObject(dc),
      next: [
        againWithout('ca-file', 'ca-key-file', 'ca-key-password-file', 'ca-secret'),
        command`kubectl cass-sni certs rotate-ca --abort`,
      ],
    },
  )
}

function hasExpired({ context }: Run, { authority }: RotationState): boolean {
  return expired(authority.path[0], clusterTime(context)) !== undefined
}

/** Throws CSNI402 or CSNI101 if `--expired` does not match the CA's validity. */
function requireExpiredFlag(run: Run, state: RotationState): void {
  const { options, dc } = run
  const [{ notAfter }] = state.authority.path
  const { object } = authorityLocation(dc)
  const isExpired = hasExpired(run, state)
  if (isExpired === options.expired) return
  if (isExpired)
    throw new CassSniError('CSNI402', `${object}: CA expired on ${dateText(notAfter)}`, {
      object,
      next: [{ again: ['--expired'], without: ['finish', 'abort'] }],
    })
  throw new CassSniError('CSNI101', `${object}: CA has not expired (valid until ${dateText(notAfter)})`, {
    object,
    next: [againWithout('expired')],
  })
}

function tooLateToAbort(dc: Datacenter, { authority }: RotationState): CassSniError {
  const object = authorityObject(dc)
  return new CassSniError('CSNI101', `${object}: cannot abort: ${authority.path[0].subject} already signs`, {
    object,
    next: [
      { again: ['--finish'], without: ['abort'] },
      hint('to return to the previous CA, finish this rotation, then rotate to it with --ca-file and --ca-key-file'),
    ],
  })
}

function result({ context, dc, nodes, outcome }: Run, { authority, rotation }: RotationState): RotateCaResult {
  const waiting = outcome === 'waiting'
  return {
    ok: true,
    namespace: dc.namespace,
    datacenter: dc.name,
    dryRun: context.dryRun,
    outcome,
    phase: rotation?.phase,
    authority: summaryOf(authority.path),
    other: rotation && summaryOf(rotation.other),
    nodes,
    next: waiting ? [command`kubectl cass-sni certs ca`, command`kubectl cass-sni certs rotate-ca --finish`] : [],
  }
}

function summaryOf([ca]: AuthorityPath): AuthoritySummary {
  return { subject: ca.subject, notAfter: ca.notAfter.toISOString(), fingerprint256: ca.fingerprint256 }
}
