/**
 * Node certificates from cert-manager: a Certificate object is applied, and its result awaited. Facts about its API:
 * cert-manager/cert-manager pkg/apis/certmanager/v1 and pkg/controller/certificates.
 */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { AuthorityPath } from '../../certificates/authority-path.ts'
import { authorityErrorCode, authorityFaults } from '../../certificates/authority-policies.ts'
import { dateText } from '../../certificates/certificate.ts'
import { operatorName } from '../../certificates/certificate-names.ts'
import type { CertificateSettings } from '../../certificates/certificate-settings.ts'
import {
  issuerCertificateName,
  issuerCertificateSpec,
  type IssuerResult,
  issuerSecretName,
  readIssuerResult,
} from '../../certificates/issuer-certificate.ts'
import { type IssuerReference, issuerText } from '../../certificates/issuer-reference.ts'
import { coverage } from '../../certificates/policies.ts'
import { applyChanges } from '../../changes/apply.ts'
import { changeSet, planChanges } from '../../changes/change-plan.ts'
import { isManaged, ownedLabels } from '../../changes/ownership.ts'
import { isRace } from '../../cluster/api-errors.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import {
  apiVersionOf,
  CERT_MANAGER_GROUP,
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CLUSTER_ISSUER,
  ISSUER,
  SECRET,
} from '../../cluster/resources.ts'
import { unless } from '../../cluster/unless.ts'
import type { Secret } from '../../cluster/workloads.ts'
import { again, CassSniError, command, hint, type NextStep } from '../../errors.ts'
import { listed } from '../../text/listed.ts'
import { poll } from '../../waiting/poll.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'

const POLL_MS = 500
/** Issuers in the cluster sign within seconds; others may take minutes. */
const TIMEOUT_MS = 5 * 60_000
const STEP = { type: 'step', id: 'issuer', title: 'Certificate from cert-manager' } as const

interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
  observedGeneration?: number
}

interface Conditioned extends KubeObject {
  spec?: Record<string, unknown>
  status?: { conditions?: Condition[]; revision?: number }
}

export interface IssuerRequest {
  dc: Datacenter
  issuer: IssuerReference
  names: readonly string[]
  settings: CertificateSettings
  /** Fingerprint of a certificate that does not count as a new one. */
  exclude?: string | undefined
  /** PEM with the CA, for issuers that do not publish it. */
  authorityPem?: string | undefined
  /** Milliseconds; default five minutes. */
  timeoutMs?: number | undefined
}

/**
 * Requires an issuer that can sign node certificates.
 * @throws CSNI205 without cert-manager, CSNI204 if the issuer does not exist, CSNI406 if it is not ready or of a type
 * whose certificates nodes cannot use
 */
export async function requireIssuer({ kube }: WorkflowContext, dc: Datacenter, issuer: IssuerReference): Promise<void> {
  await requireCertManager(kube)
  const type = [ISSUER, CLUSTER_ISSUER].find(({ kind }) => kind === issuer.kind)
  // An external issuer has another type; its state is reported on the Certificate.
  if (type === undefined || issuer.group !== CERT_MANAGER_GROUP) return
  const where = type.namespaced ? ` in namespace ${dc.namespace}` : ''
  const object = `${issuerText(issuer)}${where}`
  const scope = type.namespaced ? ['-n', dc.namespace] : []
  const describe = command`kubectl describe ${type.plural}.${type.group} ${issuer.name} ${scope}`
  const unusable = (reason: string, ...next: NextStep[]) =>
    new CassSniError('CSNI406', `${object}: ${reason}`, { object, next })
  const reading = kube.get<Conditioned>(type, issuer.name, type.namespaced ? dc.namespace : undefined)
  const found = await reading.catch((error: unknown) => {
    // Without permission to read it, its state is only known from the Certificate.
    if (error instanceof CassSniError && error.code === 'CSNI203') return 'hidden' as const
    throw error
  })
  if (found === 'hidden') return
  if (found === undefined)
    throw new CassSniError('CSNI204', `${object} not found`, {
      object,
      next: [
        command`kubectl get ${ISSUER.plural}.${ISSUER.group} -n ${dc.namespace}`,
        command`kubectl get ${CLUSTER_ISSUER.plural}.${CLUSTER_ISSUER.group}`,
        hint('for an issuer of the whole cluster, pass --issuer-kind ClusterIssuer'),
      ],
    })
  if (found.spec?.['acme'] !== undefined)
    throw unusable(
      'ACME issuers sign public DNS names only, not host IDs and DNS names of the cluster',
      hint('use an issuer of type CA, Vault or Venafi'),
    )
  if (found.spec?.['selfSigned'] !== undefined)
    throw unusable(
      'self-signed certificates have no CA that nodes and clients can trust',
      hint('issue a CA with this issuer (isCA: true), and create an issuer of type CA for it'),
    )
  const ready = conditionOf(found, 'Ready')
  if (ready?.status !== 'True') throw unusable(`not ready${reasonOf(ready)}`, describe)
}

async function requireCertManager(kube: Kube): Promise<void> {
  if ((await kube.servedVersions(CERT_MANAGER_GROUP)).includes(CERTIFICATE.version)) return
  throw new CassSniError(
    'CSNI205',
    `cert-manager is not installed: the API server has no ${CERTIFICATE.plural}.${CERT_MANAGER_GROUP}`,
    {
      next: [command`kubectl get crd certificates.cert-manager.io`, again`--ca-file ca.pem --ca-key-file ca.key`],
    },
  )
}

/**
 * Returns what cert-manager has issued for the datacenter, without waiting; undefined if nothing.
 * @throws CSNI203 without permission to read the Secret
 */
export async function readIssued(
  kube: Kube,
  dc: Pick<Datacenter, 'name' | 'namespace'>,
  authorityPem?: string,
): Promise<IssuerResult | undefined> {
  const secret = await kube.get<Secret>(SECRET, issuerSecretName(dc.name), dc.namespace)
  const entries = Object.entries(secret?.data ?? {})
  return readIssuerResult(
    Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')])),
    authorityPem,
  )
}

/**
 * Applies the Certificate of the datacenter, and reports the change. In a dry run, nothing is written.
 * @throws CSNI210 if an object of this name is not managed by this program
 */
export async function applyIssuerCertificate(context: WorkflowContext, request: IssuerRequest): Promise<void> {
  const { dc, issuer, names, settings } = request
  const { name, namespace } = dc
  const object = {
    apiVersion: apiVersionOf(CERTIFICATE),
    kind: CERTIFICATE.kind,
    metadata: { name: issuerCertificateName(name), namespace, labels: ownedLabels(name) },
    spec: issuerCertificateSpec({
      datacenter: name,
      commonName: operatorName(dc),
      issuer,
      names,
      renewBeforeMs: settings.renewBeforeMs,
    }),
  }
  await applyChanges(context, await planChanges(context.kube, [{ type: CERTIFICATE, object, ownership: 'own' }]))
}

/**
 * Applies the Certificate and waits for a certificate with its names that is not `exclude`. If cert-manager has no
 * reason to issue one, because nothing in the Certificate has changed, it is asked to renew.
 * @throws CSNI407 if it is not issued, or not in time
 */
export async function obtainIssued(context: WorkflowContext, request: IssuerRequest): Promise<IssuerResult> {
  const { kube, emit } = context
  const { dc, exclude, authorityPem, timeoutMs = TIMEOUT_MS } = request
  emit({ ...STEP, state: 'started' })
  const before = await readCertificateObject(kube, dc)
  const earlier = before && conditionOf(before, 'Issuing')?.lastTransitionTime
  await applyIssuerCertificate(context, request)
  let requested = false
  let state = 'Certificate created'
  const issued = await poll({
    signal: context.signal,
    interval: POLL_MS,
    timeoutMs,
    until: async () => {
      const certificate = await readCertificateObject(kube, dc)
      if (certificate === undefined) return undefined
      const issuing = conditionOf(certificate, 'Issuing')
      const isFailed = issuing?.status === 'False' && issuing.reason !== 'Issued'
      if (isFailed && issuing.lastTransitionTime !== earlier)
        throw notIssued(request, `${issuing.reason ?? 'failed'}${messageOf(issuing)}`)
      const ready = conditionOf(certificate, 'Ready')
      const isReady = ready?.status === 'True' && ready.observedGeneration === certificate.metadata.generation
      const found = isReady && issuing?.status !== 'True' ? await readIssued(kube, dc, authorityPem) : undefined
      if (found !== undefined && found.certificate.fingerprint256 !== exclude) return found
      if (!requested && issuing?.status !== 'True' && (found !== undefined || (isFailed && !isReady))) {
        requested = await requestRenewal(context, certificate)
      }
      state = await stateOf(kube, certificate)
      emit({ type: 'waiting', id: STEP.id, lines: [`${issuerCertificateName(dc.name)}: ${state}`] })
      return undefined
    },
  })
  if (issued === undefined) throw notIssued(request, `timed out after ${Math.round(timeoutMs / 1000)}s: ${state}`)
  requireNames(request, issued)
  emit({ ...STEP, state: 'done', note: `issued, valid until ${dateText(issued.certificate.notAfter)}` })
  return issued
}

/**
 * Returns the CA of an issuer: that of a certificate which it issues for the datacenter.
 * @throws CSNI406 if the issuer does not publish it; CSNI401, CSNI402 if clients could not use it
 */
export async function issuerAuthority(context: WorkflowContext, request: IssuerRequest): Promise<AuthorityPath> {
  const { issuers } = await obtainIssued(context, request)
  const object = issuerText(request.issuer)
  const [ca, ...rest] = issuers
  if (ca === undefined)
    throw new CassSniError('CSNI406', `${object}: does not publish its CA (no ca.crt in the Secret)`, {
      object,
      next: [again`--ca-file ca.pem`],
    })
  const [fault] = authorityFaults([ca, ...rest], clusterTime(context))
  if (fault !== undefined)
    throw new CassSniError(authorityErrorCode(fault), `${object}: invalid CA (${ca.subject}): ${fault.message}`, {
      object,
      next: fault.code === 'NoRoot' ? [again`--ca-file ca.pem`] : [hint('use another issuer')],
    })
  return [ca, ...rest]
}

/** Deletes the Certificate of a datacenter whose certificates have another source. cert-manager keeps the Secret. */
export async function deleteIssuerCertificate(context: WorkflowContext, dc: Datacenter): Promise<void> {
  if (!(await context.kube.servedVersions(CERT_MANAGER_GROUP)).includes(CERTIFICATE.version)) return
  const found = await readCertificateObject(context.kube, dc)
  if (found === undefined || !isManaged(found)) return
  await applyChanges(
    context,
    changeSet([], () => undefined, [{ type: CERTIFICATE, objects: [found] }]),
  )
}

function readCertificateObject(kube: Kube, { name, namespace }: Datacenter): Promise<Conditioned | undefined> {
  return kube.get<Conditioned>(CERTIFICATE, issuerCertificateName(name), namespace)
}

/**
 * Makes cert-manager issue again, like cmctl renew (cert-manager/cmctl pkg/renew/renew.go). Returns false if the
 * Certificate has changed since it was read.
 */
async function requestRenewal(context: WorkflowContext, { metadata, status }: Conditioned): Promise<boolean> {
  const { name, namespace, uid, resourceVersion, generation } = metadata
  const issuing: Condition = {
    type: 'Issuing',
    status: 'True',
    reason: 'ManuallyTriggered',
    message: 'Renewal requested by kubectl-cass-sni',
    lastTransitionTime: new Date(clusterTime(context)).toISOString().replace(/\.\d+Z$/, 'Z'),
    observedGeneration: generation ?? 0,
  }
  const others = (status?.conditions ?? []).filter(({ type }) => type !== issuing.type)
  const patch = { metadata: { uid, resourceVersion }, status: { conditions: [...others, issuing] } }
  try {
    await context.kube.mergePatch(CERTIFICATE, name, namespace, patch, { subresource: 'status' })
    return true
  } catch (error) {
    if (isRace(error)) return false
    throw error
  }
}

/** Returns what cert-manager is doing, from the CertificateRequest if it can be read, else from the Certificate. */
async function stateOf(kube: Kube, certificate: Conditioned): Promise<string> {
  const { name, namespace } = certificate.metadata
  const request = `${name}-${(certificate.status?.revision ?? 0) + 1}`
  const found = await unless('CSNI203', kube.get<Conditioned>(CERTIFICATE_REQUEST, request, namespace))
  const pending = found && conditionOf(found, 'Ready')
  if (pending !== undefined && pending.status !== 'True') return `${pending.reason ?? 'pending'}${messageOf(pending)}`
  const condition = conditionOf(certificate, 'Issuing') ?? conditionOf(certificate, 'Ready')
  if (condition === undefined) return 'not processed by cert-manager yet'
  return `${condition.reason ?? condition.type}${messageOf(condition)}`
}

function requireNames(request: IssuerRequest, { certificate }: IssuerResult): void {
  const covered = coverage(certificate.names)
  const missing = request.names.filter((name) => !covered(name))
  if (missing.length > 0) throw notIssued(request, `the issuer left out names: ${listed(missing)}`)
}

function notIssued({ dc, issuer }: IssuerRequest, reason: string): CassSniError {
  const name = issuerCertificateName(dc.name)
  const object = `certificate.${CERT_MANAGER_GROUP}/${name} in namespace ${dc.namespace}`
  return new CassSniError('CSNI407', `${object}: not issued by ${issuerText(issuer)}: ${reason}`, {
    object,
    next: [
      command`kubectl describe certificate.${CERT_MANAGER_GROUP} ${name} -n ${dc.namespace}`,
      command`kubectl get certificaterequests.${CERT_MANAGER_GROUP} -n ${dc.namespace}`,
      again``,
    ],
  })
}

function conditionOf({ status }: Conditioned, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

/** Returns " (Reason: message)". */
function reasonOf(condition: Condition | undefined): string {
  return condition?.reason === undefined ? '' : ` (${condition.reason}${messageOf(condition)})`
}

function messageOf({ message }: Condition): string {
  return message === undefined || message === '' ? '' : `: ${message.replace(/\s+/g, ' ').trim()}`
}
