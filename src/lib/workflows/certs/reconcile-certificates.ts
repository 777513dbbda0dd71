/** Applies the plan of `certs`: updates the keystore Secret, then every running node. */
import { randomBytes } from 'node:crypto'
import { keystoreObject, OPERATOR_KEYSTORE_PATH, readKeystoreMaterial } from '../../cassandra/authority-secret.ts'
import type { CassandraNode } from '../../cassandra/datacenter.ts'
import { retiredAuthority } from '../../certificates/ca-rotation.ts'
import { dateText, signedBy } from '../../certificates/certificate.ts'
import { operatorName } from '../../certificates/certificate-names.ts'
import type { CertificatePlan } from '../../certificates/certificate-plan.ts'
import { runsCassandra, type Served } from '../../certificates/gather/served-certificates.ts'
import { type IssuedLeaf, issueLeaf, validityOf } from '../../certificates/issue.ts'
import { type IssuerReference, issuerText } from '../../certificates/issuer-reference.ts'
import { previousAuthorities, rewriteKeystore } from '../../certificates/node-keystore.ts'
import type { FieldChange } from '../../changes/changeset.ts'
import { record } from '../../changes/record.ts'
import { isRace } from '../../cluster/api-errors.ts'
import { SECRET } from '../../cluster/resources.ts'
import { again, CassSniError, hint } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'
import { applyIssuerCertificate, type IssuerRequest, obtainIssued } from './cert-manager.ts'
import type { CertsNode, CertsOptions, Timings } from './certs-options.ts'
import type { CertificateObservation } from './gather-certificates.ts'
import { rollOut } from './reload.ts'
import { counted } from '../../text/counted.ts'

const MINUTE = 60_000
/** rereadMs covers Cassandra's period of 600 s, the kubelet's sync of up to two minutes, and a margin. */
const TIMINGS: Timings = { reloadMs: 3 * MINUTE, rereadMs: 13 * MINUTE, unreadableMs: 5000 }

/** The keystore after the Secret was updated. */
export interface WrittenKeystore {
  issued: boolean
  names: string[]
  notAfter: Date
  /** Absent in a dry run that would issue. */
  fingerprint256?: string | undefined
  bytes: Buffer
}

/**
 * Updates the Secret: its data if a certificate is issued, the annotation if it differs, otherwise nothing. A write is
 * bound to the version of the Secret that the plan was made from.
 * @param given the certificate to use instead of issuing one
 * @throws CSNI211 if the Secret has changed since then
 */
export async function reconcileKeystore(
  context: WorkflowContext,
  observation: CertificateObservation,
  plan: CertificatePlan,
  given?: IssuedLeaf,
): Promise<WrittenKeystore> {
  const { authority, material, keystore, now } = observation
  const { current } = keystore
  const step = { type: 'step', id: 'keystore', title: 'Keystore' } as const
  context.emit({ ...step, state: 'started' })
  if (plan.reasons.length === 0 && current) {
    const { leaf } = current
    if ('issuer' in authority) await applyIssuerCertificate(context, issuerRequest(observation, plan, authority.issuer))
    await writeSecret(context, observation, plan, undefined)
    context.emit({
      ...step,
      state: 'skipped',
      note: `certificate has all required names, valid until ${dateText(leaf.notAfter)}`,
    })
    return {
      issued: false,
      names: leaf.names,
      notAfter: leaf.notAfter,
      fingerprint256: leaf.fingerprint256,
      bytes: material.bytes,
    }
  }
  const note = plan.reasons.map(({ message }) => message).join('; ')
  if (context.dryRun) {
    if ('issuer' in authority) await applyIssuerCertificate(context, issuerRequest(observation, plan, authority.issuer))
    // Generating a key takes seconds; any other bytes produce the same change record.
    await writeSecret(context, observation, plan, Buffer.from('the new keystore'))
    context.emit({ ...step, state: 'skipped', note: `would issue a new certificate (${note})` })
    const { notAfter } = given?.certificate ?? validityOf(authority.path[0], now)
    return { issued: false, names: plan.names, notAfter, bytes: material.bytes }
  }
  const { leaf, bytes } = await issue(context, observation, plan, given)
  await writeSecret(context, observation, plan, bytes)
  context.emit({ ...step, state: 'done', note: `issued a new certificate (${note})` })
  return {
    issued: true,
    names: leaf.names,
    notAfter: leaf.notAfter,
    fingerprint256: leaf.fingerprint256,
    bytes,
  }
}

async function issue(
  context: WorkflowContext,
  observation: CertificateObservation,
  plan: CertificatePlan,
  given: IssuedLeaf | undefined,
) {
  const { dc, authority, authorities, rotation, password, keystore, now } = observation
  const alias = operatorName(dc)
  const leaf =
    given ??
    ('issuer' in authority
      ? await issueByCertManager(context, observation, issuerRequest(observation, plan, authority.issuer))
      : await issueLeaf({ authority, commonName: alias, names: plan.names, now, randomBytes }))
  const bytes = rewriteKeystore(keystore.entries, leaf, authorities, {
    retired: retiredAuthority(rotation),
    alias,
    password,
    now,
    randomBytes,
    dropPrevious: allServeCurrentAuthority(observation),
  })
  return { leaf: leaf.certificate, bytes }
}

function issuerRequest(
  { dc, keystore }: CertificateObservation,
  { names, settings }: CertificatePlan,
  issuer: IssuerReference,
): IssuerRequest {
  return { dc, issuer, names, settings, exclude: keystore.current?.leaf.fingerprint256 }
}

/** @throws CSNI407 also if the issuer has another CA by now, which nodes and clients do not trust */
async function issueByCertManager(
  context: WorkflowContext,
  { authority }: CertificateObservation,
  request: IssuerRequest,
): Promise<IssuedLeaf> {
  const issued = await obtainIssued(context, request)
  if (signedBy(issued.certificate.x509, authority.path[0].x509)) return issued
  const object = issuerText(request.issuer)
  throw new CassSniError(
    'CSNI407',
    `${object}: signs with another CA than before (${issued.certificate.issuer}), which nodes and clients do not trust`,
    {
      object,
      next: [
        hint(
          'restore the CA of the issuer; to replace it without an outage, create another issuer, then rotate to that ' +
            'one with certs rotate-ca --issuer',
        ),
      ],
    },
  )
}

/**
 * Returns whether all nodes serve the Secret's certificate and the current CA signed it, so previous CAs are unused.
 */
function allServeCurrentAuthority({ dc, authority, keystore, served }: CertificateObservation): boolean {
  const leaf = keystore.current?.leaf
  return (
    leaf !== undefined &&
    signedBy(leaf.x509, authority.path[0].x509) &&
    dc.nodes.every((node) => serves(served.get(node.pod), leaf.fingerprint256))
  )
}

/** Returns previous CAs that nodes still trust although no node serves a certificate signed by them. */
export function unusedAuthorities(observation: CertificateObservation): string[] {
  if (!allServeCurrentAuthority(observation)) return []
  return previousAuthorities(observation.keystore.entries, observation.authorities)
}

/**
 * Writes one key and the changed annotations of the Secret; cass-operator wrote the key once and never reads it again.
 * A merge patch writes both together; server-side apply would remove data that it does not repeat.
 */
async function writeSecret(
  context: WorkflowContext,
  observation: CertificateObservation,
  { save }: CertificatePlan,
  bytes: Buffer | undefined,
): Promise<void> {
  const { dc, material } = observation
  const { keystoreSecret: name, keystoreKey } = dc.keystores
  const { uid, resourceVersion, annotations } = material.secret.metadata
  const fields: FieldChange[] = Object.entries(save).map(([key, value]) => ({
    path: `metadata.annotations[${JSON.stringify(key)}]`,
    before: annotations?.[key],
    after: value ?? undefined,
  }))
  if (bytes !== undefined)
    fields.push({ path: `data[${JSON.stringify(keystoreKey)}]`, before: '(secret)', after: '(secret)' })
  if (fields.length > 0 && !context.dryRun) {
    const patch = {
      metadata: { uid, resourceVersion, annotations: Object.keys(save).length > 0 ? save : undefined },
      data: bytes === undefined ? undefined : { [keystoreKey]: bytes.toString('base64') },
    }
    await context.kube.mergePatch(SECRET, name, dc.namespace, patch).catch((error: unknown) => {
      throw isRace(error) ? overtaken(observation, error) : error
    })
  }
  const action = fields.length > 0 ? 'configured' : 'unchanged'
  const change = record({ action, type: SECRET, name, namespace: dc.namespace, fields }, context.dryRun)
  context.emit({ type: 'change', change })
}

/** Returns the error for a keystore that changed since the plan was made; `retryOvertaken` retries it. */
function overtaken({ dc }: CertificateObservation, cause?: unknown): CassSniError {
  const object = keystoreObject(dc)
  return new CassSniError('CSNI211', `${object}: modified concurrently by another run`, {
    object,
    next: [again``],
    cause,
  })
}

/**
 * Makes every running node serve the certificate.
 * @throws CSNI404 if a node does not serve it in time, CSNI211 if another run replaced the certificate in the Secret
 */
export async function reconcileNodes(
  context: WorkflowContext,
  options: CertsOptions,
  observation: CertificateObservation,
  { fingerprint256, issued, bytes }: WrittenKeystore,
): Promise<CertsNode[]> {
  const { dc, reader, served } = observation
  const step = { type: 'step', id: 'live', title: 'Rollout' } as const
  if (fingerprint256 === undefined)
    return dc.nodes.map((node) => reported(context, node, served.get(node.pod), undefined))
  // A node whose certificate cannot be read is reloaded only after a new one was issued.
  const outdated = dc.nodes.flatMap((node) => {
    const before = served.get(node.pod)
    return before && !serves(before, fingerprint256) && (issued || 'certificate' in before) ? [{ node, before }] : []
  })
  if (outdated.length === 0 || context.dryRun) {
    const note =
      outdated.length > 0
        ? `would reload ${outdated.map(({ node }) => node.pod).join(', ')}`
        : servedBy(dc.nodes, served, fingerprint256)
    context.emit({ ...step, state: 'skipped', note })
    return dc.nodes.map((node) => reported(context, node, served.get(node.pod), fingerprint256))
  }
  context.emit({ ...step, state: 'started' })
  const started = context.now()
  const updated = await rollOut(context, {
    dc,
    reader,
    fingerprint256,
    keystore: bytes,
    keystorePath: OPERATOR_KEYSTORE_PATH,
    targets: outdated,
    timings: { ...TIMINGS, ...options.timings },
    isCurrent: async () => (await readKeystoreMaterial(context.kube, dc)).bytes.equals(bytes),
  })
  if (updated === 'superseded') {
    context.emit({
      type: 'warning',
      message: 'another run replaced the certificate that this run issued; continuing with the new one',
    })
    throw overtaken(observation)
  }
  const byPod = new Map(updated.map((node) => [node.pod, node]))
  const nodes = dc.nodes.map(
    (node) => byPod.get(node.pod) ?? reported(context, node, served.get(node.pod), fingerprint256),
  )
  const seconds = ((context.now() - started) / 1000).toFixed(1)
  context.emit({
    ...step,
    state: 'done',
    note: `served by ${nodes.filter((node) => node.live).length} of ${counted(nodes.length, 'node')} after ${seconds}s`,
  })
  for (const { pod, note } of updated.filter((node) => !node.live))
    context.emit({
      type: 'warning',
      code: 'CSNI404',
      message: `${pod}: ${note ?? 'new certificate not confirmed'}`,
    })
  return nodes
}

function serves(served: Served | undefined, fingerprint256: string): boolean {
  return served !== undefined && 'certificate' in served && served.certificate.fingerprint256 === fingerprint256
}

/** Returns "already served by 2 of 4 nodes, 1 unreadable, 1 not running". */
function servedBy(nodes: readonly CassandraNode[], served: Map<string, Served>, fingerprint256: string): string {
  const live = nodes.filter((node) => serves(served.get(node.pod), fingerprint256)).length
  const unreadable = [...served.values()].filter((each) => 'failure' in each).length
  const parts = [
    `already served by ${live} of ${counted(nodes.length, 'node')}`,
    ...(unreadable > 0 ? [`${unreadable} unreadable`] : []),
    ...(served.size < nodes.length ? [`${nodes.length - served.size} not running`] : []),
  ]
  return parts.join(', ')
}

/** Returns the result of a node that was not updated. */
function reported(
  context: WorkflowContext,
  node: CassandraNode,
  served: Served | undefined,
  fingerprint256: string | undefined,
): CertsNode {
  const { pod } = node
  if (served === undefined) return { pod, live: false, note: `skipped: ${notRunningReason(node)}` }
  if ('certificate' in served) {
    const live = fingerprint256 !== undefined && serves(served, fingerprint256)
    return { pod, before: served.certificate, after: served.certificate, live }
  }
  context.emit({ type: 'warning', code: 'CSNI404', message: `${pod}: cannot read its certificate: ${served.failure}` })
  return { pod, live: false, note: `cannot read its certificate: ${served.failure}` }
}

function notRunningReason(node: CassandraNode): string {
  if (node.terminating) return 'terminating'
  return runsCassandra(node) ? 'unknown' : (node.waiting ?? node.state)
}
