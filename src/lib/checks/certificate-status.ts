/**
 * The state of a datacenter's certificates: its CAs, the keystore in the Secret, and what each node serves. Judged by
 * the same policies and probes as `verify`, so the two cannot disagree.
 */
import pLimit from 'p-limit'
import { authorityObject, keystoreObject, OPERATOR_KEYSTORE_PATH } from '../cassandra/authority-secret.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { Authorities } from '../certificates/authority-path.ts'
import { authorityFaults } from '../certificates/authority-policies.ts'
import { type Certificate, daysUntil } from '../certificates/certificate.ts'
import { MAX_CONCURRENT_NODES, runsCassandra } from '../certificates/gather/served-certificates.ts'
import { keystoreFaults, leafExpiresSoon } from '../certificates/policies.ts'
import { expiresSoon, expiresWithin, type Reason, type ReasonCode, type Validity } from '../certificates/reason.ts'
import { servedReasons, WARNINGS } from '../certificates/served-policies.ts'
import type { ServedCertificate } from '../connection/tls.ts'
import { CassSniError, type ErrorCode, throwIfAborted } from '../errors.ts'
import { authoritiesOf, served } from './certificate-checks.ts'
import type { KeystoreContent, Probes } from './probes.ts'
import { outcomeOf } from './run-checks.ts'
import { type ObservedPod, rereadBy, servedSince } from './served-since.ts'

const DAY = 24 * 60 * 60 * 1000

/** - skipped: a permission is missing, or there is nothing to judge. */
export type Severity = 'error' | 'warning' | 'unknown' | 'skipped'

export interface Finding {
  /** A reason of the policies, or the code of the error that prevented the observation. */
  code: ReasonCode | ErrorCode | 'Unsupported' | 'NotRunning'
  severity: Severity
  /** In one line. */
  message: string
}

/** A certificate in a result. Dates are ISO 8601. */
export interface CertificateFields {
  subject: string
  issuer: string
  names: string[]
  notBefore: string
  notAfter: string
  /** Whole days until it expires; negative afterwards. */
  daysLeft: number
  fingerprint256: string
}

export interface CertificatePart {
  /** "secret/dc1-ca-keystore in namespace x", or the pod. */
  object: string
  /** Absent if it cannot be read. */
  certificate?: CertificateFields | undefined
  findings: Finding[]
}

export interface ServedPart extends CertificatePart {
  pod: string
  /** Whether the node serves the certificate in the Secret; absent if unknown. */
  current?: boolean | undefined
  /** Since when; absent if unknown. */
  servedSince?: string | undefined
  /** For another certificate: when Cassandra will have reread its keystore by its own schedule. */
  rereadBy?: string | undefined
}

export interface CertificateStatus {
  ok: boolean
  /** The CAs to trust, the signing one first. */
  authorities: CertificatePart[]
  keystore: CertificatePart
  /** What the metadata service serves; absent without one. */
  metadata?: CertificatePart | undefined
  nodes: ServedPart[]
}

export interface StatusOptions {
  nodes: readonly CassandraNode[]
  pods: readonly ObservedPod[]
  /** Report every certificate that expires within so many days, instead of those that are due for renewal. */
  warnDays?: number | undefined
  signal: AbortSignal
}

/** Observes and judges all certificates. Rejects with the signal's reason, and with bugs. */
export async function certificateStatus(probes: Probes, options: StatusOptions): Promise<CertificateStatus> {
  const [authorities, keystore] = await Promise.all([
    observed(options, () => authoritiesOf(probes)),
    observed(options, () => keystoreOf(probes)),
  ])
  const limit = pLimit(MAX_CONCURRENT_NODES)
  const parts = {
    authorities: authorityParts(authorities, probes, options),
    keystore: keystorePart(keystore, authorities, probes, options),
    metadata: await metadataPart(authorities, probes, options),
    nodes: await Promise.all(
      options.nodes.map((node) => limit(() => servedPart(node, { probes, authorities, keystore, options }))),
    ),
  }
  const all = [...parts.authorities, parts.keystore, ...(parts.metadata ? [parts.metadata] : []), ...parts.nodes]
  const findings = all.flatMap((part) => part.findings)
  return { ok: findings.every(({ severity }) => severity === 'skipped'), ...parts }
}

/** What was read, or why not. */
type Observed<T> = { value: T } | { finding: Finding }

async function observed<T>({ signal }: StatusOptions, read: () => Promise<T>): Promise<Observed<T>> {
  try {
    return { value: await read() }
  } catch (error) {
    throwIfAborted(signal)
    if (!(error instanceof CassSniError) || error.code === 'CSNI903') throw error
    const { verdict } = outcomeOf(error)
    const severity = verdict === 'skip' ? 'skipped' : verdict === 'unknown' ? 'unknown' : 'error'
    return { finding: { code: error.code, severity, message: error.message } }
  }
}

async function keystoreOf(probes: Probes): Promise<KeystoreContent | undefined> {
  return probes.datacenter.clientEncryption.keystorePath === OPERATOR_KEYSTORE_PATH ? probes.keystore() : undefined
}

function authorityParts(
  authorities: Observed<Authorities>,
  { datacenter, given, now }: Probes,
  { warnDays }: StatusOptions,
): CertificatePart[] {
  const object = given.ca ?? authorityObject(datacenter)
  if ('finding' in authorities) {
    // As in CSNI831: certificates of another origin have no such Secret.
    const { finding } = authorities
    const missing = finding.code === 'CSNI204' ? { ...finding, severity: 'unknown' as const } : finding
    return [{ object, findings: [missing] }]
  }
  return authorities.value.map((path) => {
    const [ca] = path
    const soon = warnDays === undefined ? expiresSoon(ca, now) : expiresWithin(ca, warnDays * DAY, now)
    const reasons = [...authorityFaults(path, now), ...(soon ? [soon] : [])]
    return { object, certificate: fieldsOf(ca, now), findings: reasons.map(findingOf) }
  })
}

function keystorePart(
  keystore: Observed<KeystoreContent | undefined>,
  authorities: Observed<Authorities>,
  { datacenter, now }: Probes,
  { warnDays }: StatusOptions,
): CertificatePart {
  const object = keystoreObject(datacenter)
  if ('finding' in keystore) return { object, findings: [keystore.finding] }
  const content = keystore.value
  if (content === undefined) {
    const path = datacenter.clientEncryption.keystorePath ?? 'an unnamed keystore'
    const message = `nodes use ${path}, not the keystore that cass-operator creates`
    return { object, findings: [{ code: 'Unsupported', severity: 'skipped', message }] }
  }
  const { current } = content
  const certificate = current && fieldsOf(current.leaf, now)
  if ('finding' in authorities) return { object, certificate, findings: [] }
  const input = { ...content, authorities: authorities.value, now }
  const soon = current && expiry(current.leaf, input, warnDays)
  return { object, certificate, findings: [...keystoreFaults(input), ...(soon ? [soon] : [])].map(findingOf) }
}

async function metadataPart(
  authorities: Observed<Authorities>,
  probes: Probes,
  options: StatusOptions,
): Promise<CertificatePart | undefined> {
  const { metadataName, now } = probes
  if (metadataName === undefined) return undefined
  const object = `metadata service at ${metadataName}`
  if ('finding' in authorities)
    return {
      object,
      findings: [{ ...authorities.finding, severity: 'skipped', message: 'requires the CA certificate' }],
    }
  const read = await observed(options, () => probes.handshake(metadataName))
  if ('finding' in read) return { object, findings: [read.finding] }
  const { certificate, reason } = read.value
  const validity = { notBefore: new Date(certificate.validFrom), notAfter: new Date(certificate.validTo) }
  const soon = expiry(validity, { authorities: authorities.value, now }, options.warnDays)
  const faults: Finding[] = reason === undefined ? [] : [{ code: 'CSNI602', severity: 'error', message: reason }]
  return {
    object,
    certificate: servedFields(certificate, now),
    findings: [...faults, ...(soon ? [findingOf(soon)] : [])],
  }
}

interface NodeInput {
  probes: Probes
  authorities: Observed<Authorities>
  keystore: Observed<KeystoreContent | undefined>
  options: StatusOptions
}

async function servedPart(node: CassandraNode, input: NodeInput): Promise<ServedPart> {
  const { probes, authorities, keystore, options } = input
  const { pod } = node
  const { now } = probes
  const part = { pod, object: `pod/${pod} in namespace ${probes.datacenter.namespace}` }
  const none = (finding: Finding): ServedPart => ({ ...part, findings: [finding] })
  if (!runsCassandra(node)) {
    const message = node.terminating ? 'terminating' : (node.waiting ?? `node state is ${node.state}`)
    return none({ code: 'NotRunning', severity: 'skipped', message })
  }
  if ('finding' in authorities)
    return none({ ...authorities.finding, severity: 'skipped', message: 'requires the CA certificate' })
  const read = await observed(options, () => served(probes, node))
  // Not a fault of a certificate.
  if ('finding' in read)
    return none({ ...read.finding, severity: read.finding.severity === 'skipped' ? 'skipped' : 'unknown' })
  const handshakes = read.value
  const [first] = handshakes
  const content = 'value' in keystore ? keystore.value : undefined
  const leaf = content?.current?.leaf
  const stored = leaf && { fingerprint256: leaf.fingerprint256, object: keystoreObject(probes.datacenter) }
  const { renewBeforeMs, names } = content ?? {}
  const policies = { handshakes, authorities: authorities.value, stored, names, renewBeforeMs, now }
  const reasons = servedReasons(policies)
  const validities = handshakes.map(({ certificate }) => ({
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  }))
  const soon =
    options.warnDays === undefined ? [] : validities.flatMap((each) => expiry(each, policies, options.warnDays) ?? [])
  const kept = options.warnDays === undefined ? reasons : reasons.filter(({ code }) => code !== 'ExpiresSoon')
  const current = leaf && handshakes.every(({ certificate }) => certificate.fingerprint256 === leaf.fingerprint256)
  const observedPod = options.pods.find(({ metadata }) => metadata.name === pod)
  const version = content?.version
  return {
    ...part,
    certificate: first && servedFields(first.certificate, now),
    current,
    servedSince: current === true && version ? servedSince(observedPod, version) : undefined,
    rereadBy: current === false && version ? rereadBy(version) : undefined,
    findings: [...kept, ...soon.slice(0, 1)].map(findingOf),
  }
}

/** The leaf's expiry: by the policy, or within the given days. */
function expiry(
  leaf: Validity,
  input: Parameters<typeof leafExpiresSoon>[1],
  warnDays: number | undefined,
): Reason | undefined {
  return warnDays === undefined ? leafExpiresSoon(leaf, input) : expiresWithin(leaf, warnDays * DAY, input.now)
}

function findingOf({ code, message }: Reason): Finding {
  return { code, severity: WARNINGS.has(code) ? 'warning' : 'error', message }
}

function servedFields(certificate: ServedCertificate, now: number): CertificateFields {
  const { subject, issuer, names, validFrom, validTo, fingerprint256 } = certificate
  const daysLeft = daysUntil(new Date(validTo), now)
  return { subject, issuer, names, notBefore: validFrom, notAfter: validTo, daysLeft, fingerprint256 }
}

function fieldsOf(certificate: Certificate, now: number): CertificateFields {
  const { subject, issuer, names, notBefore, notAfter, fingerprint256 } = certificate
  return {
    subject,
    issuer,
    names,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    daysLeft: daysUntil(notAfter, now),
    fingerprint256,
  }
}
