/**
 * `certs rotate-ca`: replaces the CA of a datacenter without an outage. Every node trusts the new CA before any node
 * serves a certificate of it, and clients receive both CAs in between. The state is in the CA Secret, so any run, on
 * any machine, resumes an interrupted one.
 */
import type { RotationPhase } from '../cassandra/authority-secret.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { gatherKeystore } from '../certificates/gather/gather-material.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { requirePermitted } from '../certificates/authority-constraints.ts'
import { type AuthorityPath, trustPem } from '../certificates/authority-path.ts'
import { operatorName, requiredNames } from '../certificates/certificate-names.ts'
import { type IssuerReference, issuerText } from '../certificates/issuer-reference.ts'
import { retryOvertaken } from '../changes/apply.ts'
import { unless } from '../cluster/unless.ts'
import { again, CassSniError, command, type NextStep } from '../errors.ts'
import { certs } from './certs-workflow.ts'
import { deleteIssuerCertificate, requireIssuer } from './certs/cert-manager.ts'
import type { AuthoritySummary, CertsNode, CertsOptions } from './certs/certs-options.ts'
import { requirePeersReplaced, requirePeersTrust } from './certs/cluster-peers.ts'
import { requireOperatorKeystore, requireSharedTruststore } from './certs/keystore-location.ts'
import {
  createdAuthority,
  issuingAuthority,
  type NewAuthorityOptions,
  readReplacement,
  type ReplacementAuthority,
} from './certs/new-authority.ts'
import { previousClients, reissueSteps, requireReissued } from './certs/previous-clients.ts'
import {
  hasExpired,
  requireAnother,
  requireExpiredFlag,
  requireSameAuthority,
  signingFaults,
  tooLateToAbort,
} from './certs/rotation-conditions.ts'
import {
  endRotation,
  handOver,
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
import { resumable } from './resumable.ts'

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

const ISSUED = 'Certificate from cert-manager'
/** Titles of the steps of `certs` in each phase; its other steps are not reported. */
const TITLES: Record<RotationPhase, Record<string, string>> = {
  trust: { issuer: ISSUED, keystore: 'Keystore with both CAs', live: 'Rollout of both CAs' },
  sign: { issuer: ISSUED, keystore: 'Certificate of the new CA', live: 'Rollout of the new certificate' },
  drop: { issuer: ISSUED, keystore: 'Keystore without the previous CA', live: 'Rollout without the previous CA' },
  abort: { issuer: ISSUED, keystore: 'Keystore without the new CA', live: 'Rollout without the new CA' },
}

interface Run {
  readonly context: WorkflowContext
  readonly options: RotateCaOptions
  readonly dc: Datacenter
  readonly given: ReplacementAuthority | undefined
  readonly issuer: IssuerReference | undefined
  nodes: CertsNode[]
  outcome: RotateCaResult['outcome']
  /** The user has confirmed the start. */
  confirmed: boolean
  /** Clients have both CAs. */
  finish: boolean
  /** This run has issued the first certificate of the new CA. */
  issued: boolean
  /** This run has made an issuer sign with the same CA. */
  handedOver: boolean
  /** How to reissue the client certificates of the previous CA, once the new one signs. */
  reissue?: NextStep[] | undefined
}

/**
 * Starts, resumes, finishes or aborts a CA rotation. Without `finish`, stops once every node trusts both CAs, and asks
 * on a terminal whether to continue.
 * @throws CSNI101 if the options do not match the state; CSNI306 and CSNI401 to CSNI405 before anything is changed;
 * CSNI404 if a node or client is not ready for the next phase; CSNI902 if the user declines
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
  const run: Run = {
    ...{ context, options, dc, given, finish, issuer: options.authority.issuer?.reference },
    ...{ nodes: [], outcome: 'none', confirmed: false, issued: false, handedOver: false },
  }
  let begun = false
  const work = async (): Promise<RotateCaResult> => {
    for (;;) {
      const state = await readRotationState(context, dc)
      begun ||= state.rotation !== undefined
      const step = await nextStep(run, state)
      if (step === undefined) return result(run, state)
      await writeRotation(context, dc, state.material, step)
      if (!context.dryRun) continue
      run.outcome = 'planned'
      return result(run, state)
    }
  }
  try {
    return await retryOvertaken(context.signal, work)
  } catch (error) {
    throw begun && context.signal.aborted ? resumable(context.signal, error, 'the CA Secret holds the state') : error
  }
}

/** Does what the phase requires. Returns the write that starts the next phase; undefined to stop. */
async function nextStep(run: Run, state: RotationState): Promise<RotationStep | undefined> {
  const { context, options, dc } = run
  const { rotation } = state
  if (run.handedOver) {
    await rollOut(run, 'sign')
    run.outcome = 'finished'
    return undefined
  }
  if (rotation === undefined) return run.outcome === 'none' ? start(run, state) : undefined
  requireSameAuthority(run, state)
  switch (rotation.phase) {
    case 'trust':
      if (options.abort) return retireOther('abort')
      // Nodes with an expired certificate accept each other no more than those with different CAs.
      if (options.expired || hasExpired(state, clusterTime(context))) {
        requireExpiredFlag(dc, state, options.expired, clusterTime(context))
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
      if (dc.clientEncryption.requireClientAuth) {
        if (run.issued || !run.finish) {
          run.reissue = reissueSteps(await previousClients(run.context, dc, rotation.other))
          return wait(run)
        }
        await requireReissued(run.context, dc, rotation.other)
      }
      await requirePeersReplaced(run, rotation.other)
      return retireOther('drop')
    default:
      await rollOut(run, rotation.phase)
      if (!('issuer' in state.authority)) await unless('CSNI203', deleteIssuerCertificate(context, dc))
      run.outcome = rotation.phase === 'drop' ? 'finished' : 'aborted'
      return endRotation
  }
}

function wait(run: Run): undefined {
  run.outcome = 'waiting'
}

/** Creates the new CA, except to end a rotation. */
async function start(run: Run, state: RotationState): Promise<RotationStep | undefined> {
  const { context, options, dc, given, issuer } = run
  if (options.finish || options.abort) return undefined
  requireExpiredFlag(dc, state, options.expired, clusterTime(context))
  requireAnother(run, state)
  if (issuer !== undefined) await requireIssuer(context, dc, issuer)
  // Everything that certs refuses is refused before the first write.
  const cannotSign = options.expired || signingFaults(state, dc, clusterTime(context)).length > 0
  if (cannotSign) await gatherKeystore(context.kube, dc)
  const planned = cannotSign
    ? undefined
    : await certs({ ...context, dryRun: true, emit: () => undefined }, certsOptions(options))
  if (given !== undefined) requirePermitted(planned?.leaf.names ?? requiredNames(dc, {}), given.path)
  const title =
    issuer !== undefined
      ? `makes ${issuerText(issuer)} sign the certificates`
      : given === undefined
        ? 'creates a new CA'
        : `replaces the CA with ${given.path[0].subject}`
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
  const next =
    issuer === undefined
      ? (given?.pem ?? (await createdAuthority(context, dc, options.authority.days)))
      : await issuingAuthority(context, dc, options.authority, planned?.leaf.names ?? [operatorName(dc)])
  if (issuer !== undefined && next.certificate === trustPem([state.authority.path])) {
    run.handedOver = true
    return handOver(issuer)
  }
  return options.expired ? replaceAuthority(state, next) : startRotation(next)
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

function result({ context, dc, nodes, outcome, reissue }: Run, { authority, rotation }: RotationState): RotateCaResult {
  const waiting = outcome === 'waiting'
  return {
    ok: true,
    namespace: dc.namespace,
    datacenter: dc.name,
    dryRun: context.dryRun,
    outcome,
    phase: rotation?.phase,
    authority: {
      ...summaryOf(authority.path),
      issuer: 'issuer' in authority ? issuerText(authority.issuer) : undefined,
    },
    other: rotation && summaryOf(rotation.other),
    nodes,
    next: waiting
      ? [...(reissue ?? [command`kubectl cass-sni certs ca`]), command`kubectl cass-sni certs rotate-ca --finish`]
      : [],
  }
}

function summaryOf([ca]: AuthorityPath): AuthoritySummary {
  return { subject: ca.subject, notAfter: ca.notAfter.toISOString(), fingerprint256: ca.fingerprint256 }
}
