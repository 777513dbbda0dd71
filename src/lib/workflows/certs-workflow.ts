/** `certs`: issues a node certificate with all names that clients use, and rolls it out to every node. */
import { counted } from '../text/counted.ts'
import { listed } from '../text/listed.ts'
import { retiredAuthority } from '../certificates/ca-rotation.ts'
import { type CertificatePlan, planCertificate } from '../certificates/certificate-plan.ts'
import { type CertificateSettings, requestedSettings } from '../certificates/certificate-settings.ts'
import { issuerText } from '../certificates/issuer-reference.ts'
import { retryOvertaken } from '../changes/apply.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import type { CertsNode, CertsOptions, CertsResult } from './certs/certs-options.ts'
import { type CertificateObservation, gatherCertificates } from './certs/gather-certificates.ts'
import {
  reconcileKeystore,
  reconcileNodes,
  unusedAuthorities,
  type WrittenKeystore,
} from './certs/reconcile-certificates.ts'
import { readGivenLeaf, requireServable } from './certs/given-leaf.ts'
import { type MetadataCertificate, reconcileMetadataSecret } from './certs/metadata-secret.ts'
import type { WorkflowContext } from './context.ts'

export type { CertificateSummary } from '../certificates/gather/served-certificates.ts'
export type { CertsNode, CertsOptions, CertsResult } from './certs/certs-options.ts'

/**
 * Issues a new certificate from the datacenter's CA if the one in the keystore is unsuitable, and makes every running
 * node serve it: gather, plan, reconcile. If another run changes the keystore concurrently, all three are repeated, so
 * the certificate has the names of both runs. A second run changes nothing; an interrupted run is resumed by the next.
 * @throws CSNI306, CSNI401, CSNI402, CSNI403, CSNI405 before anything is changed; CSNI404 if a node does not serve the
 * certificate in time; CSNI211 if the keystore keeps being changed
 */
export async function certs(context: WorkflowContext, options: CertsOptions = {}): Promise<CertsResult> {
  const requested = requestedSettings(options)
  const given = options.given && (await readGivenLeaf(context, options.given))
  let first: CertificateObservation | undefined
  /** Settings that this run has read or written; any other names were added by another run. */
  let known: CertificateSettings | undefined
  let issued = false
  let metadata: MetadataCertificate | undefined
  return retryOvertaken(context.signal, async () => {
    // Report what was observed only once.
    const observation = await gatherCertificates(first ? { ...context, emit: () => undefined } : context, options)
    if (first === undefined) known = observation.settings
    first ??= observation
    const plan = planCertificate({
      dc: observation.dc,
      authorities: observation.authorities,
      retired: retiredAuthority(observation.rotation),
      current: observation.keystore.current,
      unreadable: observation.unreadable,
      saved: observation.settings,
      known,
      requested,
      routes: observation.routes,
      issued: observation.issued?.certificate,
      given: given?.certificate,
      renew: options.renew === true && !issued,
      now: observation.now,
    })
    if (given !== undefined && options.given !== undefined)
      requireServable(context, options.given, given, observation, plan.settings)
    const written = await reconcileKeystore(issued ? hideUnchanged(context) : context, observation, plan, given)
    issued ||= written.issued
    known = plan.settings
    metadata = await metadataCertificate(context, observation, metadata)
    const nodes = await reconcileNodes(context, options, observation, written)
    warnOf(context, observation, plan, written)
    return { ...result(context, observation, plan, written, withFirstObserved(nodes, first)), metadata }
  })
}

/**
 * The certificate of the metadata service, if the routes have its name. Without permission for its Secret it stays:
 * that of the nodes is more urgent.
 */
async function metadataCertificate(
  context: WorkflowContext,
  observation: CertificateObservation,
  before: MetadataCertificate | undefined,
): Promise<MetadataCertificate | undefined> {
  const { metadataName, authority } = observation
  if (metadataName === undefined || before?.issued === true) return before
  if ('issuer' in authority) {
    const message =
      'certificate of the metadata service not checked: its issuer is cert-manager, which is not supported'
    context.emit({ type: 'warning', message })
    return undefined
  }
  try {
    return await reconcileMetadataSecret(context, metadataName, { ...observation, authority })
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    const { code, message, next } = error
    context.emit({
      type: 'warning',
      code,
      message: `certificate of the metadata service not checked: ${message}`,
      next,
    })
    return undefined
  }
}

/** Suppresses `unchanged` events: an object that an earlier attempt changed stays reported as changed. */
function hideUnchanged(context: WorkflowContext): WorkflowContext {
  return {
    ...context,
    emit: (event) => {
      if (event.type !== 'change' || event.change.action !== 'unchanged') context.emit(event)
    },
  }
}

/** Issues a certificate with the desired names and CA only. */
const REISSUE = command`kubectl cass-sni certs --renew`

function warnOf(
  context: WorkflowContext,
  observation: CertificateObservation,
  plan: CertificatePlan,
  { issued }: WrittenKeystore,
): void {
  for (const { pod, reason } of plan.pending)
    warn(context, `${pod}: ${reason}`, hint('rerun certs once the node is up'))
  if (plan.wildcards.length > 0)
    warn(
      context,
      `the certificate has ${listed(plan.wildcards)} instead of one DNS name per node` +
        (plan.settings.names === 'public' ? '' : ': with all DNS names, it would be too large for Java clients'),
    )
  if (issued && plan.settings.names === 'public')
    warn(
      context,
      'the certificate has no host IDs (--names public): drivers that verify host IDs reject it; clients that verify ' +
        'a public name or a DNS name accept it',
    )
  if (plan.superfluousHostIds > 0)
    warn(context, `the certificate still has ${counted(plan.superfluousHostIds, 'host ID')}`, REISSUE)
  if (plan.forgotten.length > 0) warnOfForgotten(context, plan.forgotten, plan.reasons.length > 0)
  const unused = issued ? [] : unusedAuthorities(observation)
  if (unused.length > 0)
    warn(context, `nodes still trust the previous CA (${listed(unused)}), which is no longer needed`, REISSUE)
}

function warnOfForgotten(context: WorkflowContext, names: string[], reissued: boolean): void {
  const subject = `${names.length === 1 ? 'name' : 'names'} ${listed(names)}`
  if (reissued) warn(context, `${subject} removed from the saved names and the certificate`)
  else warn(context, `${subject} removed from the saved names, but still in the certificate`, REISSUE)
}

function warn(context: WorkflowContext, message: string, ...next: NextStep[]): void {
  context.emit({ type: 'warning', message, next: next.length > 0 ? next : undefined })
}

/** Sets `before` to what each node served when the run began, even if the last of several attempts succeeded. */
function withFirstObserved(nodes: readonly CertsNode[], { served }: CertificateObservation): CertsNode[] {
  return nodes.map((node) => {
    const first = served.get(node.pod)
    return first !== undefined && 'certificate' in first ? { ...node, before: first.certificate } : node
  })
}

function result(
  context: WorkflowContext,
  { dc, authority, rotation }: CertificateObservation,
  { reasons, settings, wildcards, pending }: CertificatePlan,
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
      issuer: 'issuer' in authority ? issuerText(authority.issuer) : undefined,
    },
    rotation: rotation && {
      phase: rotation.phase,
      subject: rotation.other[0].subject,
      notAfter: rotation.other[0].notAfter.toISOString(),
      fingerprint256: rotation.other[0].fingerprint256,
    },
    leaf: {
      names: written.names,
      publicNames: settings.publicNames ?? [],
      sans: settings.sans ?? [],
      nameSet: settings.names ?? 'all',
      wildcards,
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
