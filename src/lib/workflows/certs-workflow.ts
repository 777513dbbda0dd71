/** `certs`: the nodes' certificate carries the names that clients ask for, and every node serves it. */
import { listed } from '../certificates/certificate.ts'
import { type CertificatePlan, parsePublicNames, planCertificate } from '../certificates/certificate-plan.ts'
import { decideAgain } from '../changes/apply.ts'
import type { CertsNode, CertsOptions, CertsResult } from './certs/certs-options.ts'
import { type CertificateObservation, gatherCertificates } from './certs/gather-certificates.ts'
import {
  needlessAuthorities,
  reconcileKeystore,
  reconcileNodes,
  type WrittenKeystore,
} from './certs/reconcile-certificates.ts'
import type { WorkflowContext } from './context.ts'

export type { CertsNode, CertsOptions, CertsResult, ShownCertificate } from './certs/certs-options.ts'

/**
 * Issues a new certificate from the datacenter's own CA when the one in the keystore will not do, and makes every node
 * that runs serve what is in the keystore: gather, plan, reconcile. When another run changes the keystore meanwhile,
 * the three are done again, so that both runs' names are in the end. Run again it does nothing; interrupted, the next
 * run goes on from there.
 * @throws CSNI306, CSNI401, CSNI402, CSNI403, CSNI405 before anything is changed; CSNI404 when a node does not serve
 * the certificate in time; CSNI211 when the keystore is changed again and again
 */
export async function certs(context: WorkflowContext, options: CertsOptions = {}): Promise<CertsResult> {
  const given = options.publicNames === undefined ? undefined : parsePublicNames(options.publicNames)
  let first: CertificateObservation | undefined
  /** Public names that were there before, or that this run has written: others beyond them are another run's. */
  let known: string[] | undefined
  let issued = false
  return decideAgain(context.signal, async () => {
    // What was told of the cluster the first time need not be told again.
    const observation = await gatherCertificates(first ? { ...context, emit: () => undefined } : context, options)
    if (first === undefined) known = observation.material.publicNames
    first ??= observation
    const plan = planCertificate({
      dc: observation.dc,
      authority: observation.authority.path,
      current: observation.keystore.current,
      unreadable: observation.unreadable,
      remembered: observation.material.publicNames,
      known,
      given,
      renew: options.renew === true && !issued,
      now: observation.now,
    })
    const written = await reconcileKeystore(issued ? withoutUnchanged(context) : context, observation, plan)
    issued ||= written.issued
    known = plan.publicNames
    const nodes = await reconcileNodes(context, options, observation, written)
    warnOf(context, observation, plan, written)
    return result(context, observation, plan, written, withFirstSeen(nodes, first))
  })
}

/** What this run has changed stays changed, although a later decision finds nothing to change. */
function withoutUnchanged(context: WorkflowContext): WorkflowContext {
  return {
    ...context,
    emit: (event) => {
      if (event.type !== 'change' || event.change.action !== 'unchanged') context.emit(event)
    },
  }
}

function warnOf(
  context: WorkflowContext,
  observation: CertificateObservation,
  plan: CertificatePlan,
  { issued }: WrittenKeystore,
): void {
  for (const { pod, reason } of plan.pending) warn(context, `${pod} ${reason}; run this again when it is up`)
  if (plan.wildcards.length > 0)
    warn(
      context,
      `${listed(plan.wildcards)} instead of one DNS name per node: with all of them the certificate would be ` +
        'too large for Java clients',
    )
  if (plan.forgotten.length > 0) warnOfForgotten(context, plan.forgotten, plan.reasons.length > 0)
  const needless = issued ? [] : needlessAuthorities(observation)
  if (needless.length > 0)
    warn(
      context,
      `the nodes still trust the former CA (${listed(needless)}), and no node needs it any longer: kubectl ` +
        'cass-sni certs --renew drops it',
    )
}

function warnOfForgotten(context: WorkflowContext, names: string[], reissued: boolean): void {
  const [verb, object] = names.length === 1 ? ['is', 'it'] : ['are', 'them']
  warn(
    context,
    reissued
      ? `${listed(names)} ${verb} no longer remembered, and the new certificate does not carry ${object}`
      : `${listed(names)} ${verb} no longer remembered, but the certificate carries ${object} until a new one is ` +
          'issued: kubectl cass-sni certs --renew',
  )
}

function warn(context: WorkflowContext, message: string): void {
  context.emit({ type: 'warning', message })
}

/** What a node served when the run began, whichever attempt it was that ended it. */
function withFirstSeen(nodes: readonly CertsNode[], { looks }: CertificateObservation): CertsNode[] {
  return nodes.map((node) => {
    const look = looks.get(node.pod)
    return look !== undefined && 'served' in look ? { ...node, before: look.served } : node
  })
}

function result(
  context: WorkflowContext,
  { dc, authority }: CertificateObservation,
  { reasons, publicNames, pending }: CertificatePlan,
  written: WrittenKeystore,
  nodes: CertsNode[],
): CertsResult {
  const [ca] = authority.path
  return {
    ok: true,
    namespace: dc.namespace,
    datacenter: dc.name,
    dryRun: context.dryRun,
    authority: {
      subject: ca.subject,
      notAfter: ca.notAfter.toISOString(),
      fingerprint256: ca.fingerprint256,
    },
    leaf: {
      names: written.names,
      publicNames,
      notAfter: written.notAfter.toISOString(),
      fingerprint256: written.fingerprint256,
      issued: written.issued,
      reasons: reasons.map(({ message }) => message),
      reasonCodes: reasons.map(({ code }) => code),
    },
    nodes,
    pending,
  }
}
