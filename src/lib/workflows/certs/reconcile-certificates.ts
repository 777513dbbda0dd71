/** Carries out what `certs` planned: the keystore in the Secret, then every node that runs. */
import { randomBytes } from 'node:crypto'
import { keystoreObject, OPERATOR_KEYSTORE_PATH, readKeystoreMaterial } from '../../cassandra/authority-secret.ts'
import type { CassandraNode } from '../../cassandra/datacenter.ts'
import { dateText, signedBy } from '../../certificates/certificate.ts'
import { type CertificatePlan, operatorName } from '../../certificates/certificate-plan.ts'
import { issueLeaf, validityOf } from '../../certificates/issue.ts'
import { formerAuthorities, rewriteKeystore } from '../../certificates/node-keystore.ts'
import type { FieldChange } from '../../changes/changeset.ts'
import { record } from '../../changes/record.ts'
import { isRace } from '../../cluster/refusal.ts'
import { SECRET } from '../../cluster/resources.ts'
import { again, CassSniError } from '../../errors.ts'
import { PUBLIC_NAMES_ANNOTATION } from '../../text/own-keys.ts'
import type { WorkflowContext } from '../context.ts'
import type { CertsNode, CertsOptions, Timings } from './certs-options.ts'
import { type CertificateObservation, runsCassandra } from './gather-certificates.ts'
import { makeLive } from './reload.ts'
import type { Look } from './served-certificates.ts'
import { counted } from '../../text/counted.ts'

const MINUTE = 60_000
/** Cassandra's period of 600 s, kubelet's sync of a minute or two, and some more. */
const TIMINGS: Timings = { reloadMs: 3 * MINUTE, rereadMs: 13 * MINUTE, unseenMs: 5000 }

/** The keystore after the Secret was brought up to date. */
export interface WrittenKeystore {
  issued: boolean
  names: string[]
  notAfter: Date
  /** Absent in a dry run that would issue. */
  fingerprint256?: string | undefined
  bytes: Buffer
}

/**
 * Brings the Secret up to date: data only when a certificate is issued, the annotation only when it changes, nothing
 * otherwise. A write is bound to the Secret that the plan was made from.
 * @throws CSNI211 when the Secret was changed since then
 */
export async function reconcileKeystore(
  context: WorkflowContext,
  observation: CertificateObservation,
  plan: CertificatePlan,
): Promise<WrittenKeystore> {
  const { authority, material, keystore, now } = observation
  const { current } = keystore
  const step = { type: 'step', id: 'keystore', title: "The nodes' keystore" } as const
  context.emit({ ...step, state: 'started' })
  if (plan.reasons.length === 0 && current) {
    const { leaf } = current
    await writeSecret(context, observation, plan, undefined)
    context.emit({
      ...step,
      state: 'skipped',
      note: `its certificate carries every name, valid until ${dateText(leaf.notAfter)}`,
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
    // A key of three seconds' work is not made to be thrown away: any other bytes show the same change.
    await writeSecret(context, observation, plan, Buffer.from('the new keystore'))
    context.emit({ ...step, state: 'done', note: `would be issued anew: ${note}` })
    const { notAfter } = validityOf(authority.path[0], now)
    return { issued: false, names: plan.names, notAfter, bytes: material.bytes }
  }
  const { leaf, bytes } = await issue(observation, plan)
  await writeSecret(context, observation, plan, bytes)
  context.emit({ ...step, state: 'done', note: `issued anew: ${note}` })
  return {
    issued: true,
    names: leaf.names,
    notAfter: leaf.notAfter,
    fingerprint256: leaf.fingerprint256,
    bytes,
  }
}

async function issue(observation: CertificateObservation, { names }: CertificatePlan) {
  const { dc, authority, password, keystore, now } = observation
  const alias = operatorName(dc)
  const leaf = await issueLeaf({ authority, commonName: alias, names, now, randomBytes })
  const bytes = rewriteKeystore(keystore.entries, leaf, authority.path, {
    alias,
    password,
    now,
    randomBytes,
    dropFormer: allServeTheAuthority(observation),
  })
  return { leaf: leaf.certificate, bytes }
}

/**
 * Every node serves the Secret's certificate, and the present CA signed it: CAs of before are not needed any longer.
 */
function allServeTheAuthority({ dc, authority, keystore, looks }: CertificateObservation): boolean {
  const leaf = keystore.current?.leaf
  return (
    leaf !== undefined &&
    signedBy(leaf.x509, authority.path[0].x509) &&
    dc.nodes.every((node) => serves(looks.get(node.pod), leaf.fingerprint256))
  )
}

/** CAs of before that the nodes trust although no node serves what they signed. */
export function needlessAuthorities(observation: CertificateObservation): string[] {
  return allServeTheAuthority(observation) ? formerAuthorities(observation.keystore.entries) : []
}

/**
 * Of the Secret only this one key and annotation are ours; cass-operator wrote the key once and never reads it again.
 * One merge patch, because both go together, and server-side apply would remove the data that it does not repeat.
 */
async function writeSecret(
  context: WorkflowContext,
  observation: CertificateObservation,
  { publicNames, remember }: CertificatePlan,
  bytes: Buffer | undefined,
): Promise<void> {
  const { dc, material } = observation
  const { keystoreSecret: name, keystoreKey } = dc.keystores
  const { uid, resourceVersion, annotations } = material.secret.metadata
  const text = publicNames.join(',')
  const fields: FieldChange[] = []
  if (remember)
    fields.push({
      path: `metadata.annotations[${JSON.stringify(PUBLIC_NAMES_ANNOTATION)}]`,
      before: annotations?.[PUBLIC_NAMES_ANNOTATION],
      after: text,
    })
  if (bytes !== undefined)
    fields.push({ path: `data[${JSON.stringify(keystoreKey)}]`, before: '(secret)', after: '(secret)' })
  if (fields.length > 0 && !context.dryRun) {
    const patch = {
      metadata: { uid, resourceVersion, annotations: remember ? { [PUBLIC_NAMES_ANNOTATION]: text } : undefined },
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

/** The keystore is no longer the one that was decided on: `decideAgain`. */
function overtaken({ dc }: CertificateObservation, cause?: unknown): CassSniError {
  const object = keystoreObject(dc)
  return new CassSniError('CSNI211', `${object}: another run changes it at the same time`, {
    object,
    next: [again``],
    cause,
  })
}

/**
 * Makes every node that runs serve the certificate.
 * @throws CSNI404 when a node does not serve it in time, CSNI211 when another run put another certificate into the
 * Secret
 */
export async function reconcileNodes(
  context: WorkflowContext,
  options: CertsOptions,
  observation: CertificateObservation,
  { fingerprint256, issued, bytes }: WrittenKeystore,
): Promise<CertsNode[]> {
  const { dc, viewer, looks } = observation
  const step = { type: 'step', id: 'live', title: 'Live on every node' } as const
  if (fingerprint256 === undefined)
    return dc.nodes.map((node) => reported(context, node, looks.get(node.pod), undefined))
  // A node that cannot be looked at is told when there is something new, and left alone otherwise.
  const behind = dc.nodes.flatMap((node) => {
    const before = looks.get(node.pod)
    return before && !serves(before, fingerprint256) && (issued || 'served' in before) ? [{ node, before }] : []
  })
  if (behind.length === 0 || context.dryRun) {
    const note =
      behind.length > 0
        ? `would be told: ${behind.map(({ node }) => node.pod).join(', ')}`
        : servedBy(dc.nodes, looks, fingerprint256)
    context.emit({ ...step, state: 'skipped', note })
    return dc.nodes.map((node) => reported(context, node, looks.get(node.pod), fingerprint256))
  }
  context.emit({ ...step, state: 'started' })
  const begun = context.now()
  const brought = await makeLive(context, {
    dc,
    viewer,
    fingerprint256,
    keystore: bytes,
    keystorePath: OPERATOR_KEYSTORE_PATH,
    targets: behind,
    timings: { ...TIMINGS, ...options.timings },
    isCurrent: async () => (await readKeystoreMaterial(context.kube, dc)).bytes.equals(bytes),
  })
  if (brought === 'superseded') {
    context.emit({
      type: 'warning',
      message: 'another run replaced the certificate that this one issued; continuing with that certificate',
    })
    throw overtaken(observation)
  }
  const byPod = new Map(brought.map((node) => [node.pod, node]))
  const nodes = dc.nodes.map(
    (node) => byPod.get(node.pod) ?? reported(context, node, looks.get(node.pod), fingerprint256),
  )
  const seconds = ((context.now() - begun) / 1000).toFixed(1)
  context.emit({
    ...step,
    state: 'done',
    note: `${nodes.filter((node) => node.live).length} of ${nodes.length} after ${seconds} s`,
  })
  for (const { pod, note } of brought.filter((node) => !node.live))
    context.emit({
      type: 'warning',
      code: 'CSNI404',
      message: `${pod}: ${note ?? 'not seen to serve the new certificate'}`,
    })
  return nodes
}

function serves(look: Look | undefined, fingerprint256: string): boolean {
  return look !== undefined && 'served' in look && look.served.fingerprint256 === fingerprint256
}

/** "served already by 2 of 4 nodes, 1 cannot be seen, 1 not running" */
function servedBy(nodes: readonly CassandraNode[], looks: Map<string, Look>, fingerprint256: string): string {
  const live = nodes.filter((node) => serves(looks.get(node.pod), fingerprint256)).length
  const unseen = [...looks.values()].filter((look) => 'trouble' in look).length
  const parts = [
    `served already by ${live} of ${counted(nodes.length, 'node')}`,
    ...(unseen > 0 ? [`${unseen} cannot be seen`] : []),
    ...(looks.size < nodes.length ? [`${nodes.length - looks.size} not running`] : []),
  ]
  return parts.join(', ')
}

/** A node as it was found. */
function reported(
  context: WorkflowContext,
  node: CassandraNode,
  look: Look | undefined,
  fingerprint256: string | undefined,
): CertsNode {
  const { pod } = node
  if (look === undefined) return { pod, live: false, note: `not looked at: ${whyNotRunning(node)}` }
  if ('served' in look) {
    const live = fingerprint256 !== undefined && serves(look, fingerprint256)
    return { pod, before: look.served, after: look.served, live }
  }
  context.emit({ type: 'warning', code: 'CSNI404', message: `it cannot be seen what ${pod} serves: ${look.trouble}` })
  return { pod, live: false, note: `cannot be looked at: ${look.trouble}` }
}

function whyNotRunning(node: CassandraNode): string {
  if (node.terminating) return 'the pod is being deleted'
  return runsCassandra(node) ? 'unknown' : (node.waiting ?? node.state)
}
