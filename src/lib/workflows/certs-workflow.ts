/** `certs`: the nodes' certificate carries the names that clients ask for, and every node serves it. */
import { randomBytes } from 'node:crypto'
import {
  authorityObject,
  keystoreObject,
  keystorePassword,
  OPERATOR_KEYSTORE_PATH,
  readAuthorityMaterial,
  readKeystoreMaterial,
} from '../cassandra/authority-secret.ts'
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { type Authority, checkAuthorityDates, parseAuthority } from '../certificates/certificate-authority.ts'
import { issueLeaf, validityOf } from '../certificates/issue.ts'
import { type KeystoreEntry, readKeystore } from '../certificates/keystore.ts'
import {
  type Current,
  decide,
  forgottenNames,
  listed,
  namesToIssue,
  operatorName,
  parsePublicNames,
  pendingNodes,
  requiredNames,
} from '../certificates/certificate-plan.ts'
import { currentOf, rewriteKeystore } from '../certificates/rewrite.ts'
import { applyChanges } from '../changes/apply.ts'
import { PUBLIC_NAMES_ANNOTATION } from '../text/own-keys.ts'
import type { Desired } from '../changes/changeset.ts'
import { planChanges } from '../changes/change-plan.ts'
import { SECRET } from '../cluster/resources.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { makeLive } from './certs/reload.ts'
import type { CertsNode, CertsOptions, CertsResult, Timings } from './certs/certs-options.ts'
import { createViewer, type Look } from './certs/served-certificates.ts'
import type { WorkflowContext } from './context.ts'

export type { CertsNode, CertsOptions, CertsResult, ShownCertificate } from './certs/certs-options.ts'

const MINUTE = 60_000
/** Cassandra's period of 600 s, kubelet's sync of a minute or two, and some more. */
const TIMINGS: Timings = { reloadMs: 3 * MINUTE, rereadMs: 13 * MINUTE, unseenMs: 5000 }

/** What is there before anything is changed. */
interface Situation {
  dc: Datacenter
  authority: Authority
  authorityPem: string
  password: string
  bytes: Buffer
  entries: KeystoreEntry[]
  current: Current | undefined
  publicNames: string[]
  /** The Secret has, or is to have, the annotation with the public names. */
  annotated: boolean
  /** Why the keystore has to be made anew as a whole. */
  unreadable?: string
}

/**
 * Issues a new certificate from the datacenter's own CA when the one in the keystore will not do, and makes every
 * started node serve what is
 * in the keystore. Run again it does nothing; interrupted, the next run goes on from there.
 * @throws CSNI306, CSNI401, CSNI402, CSNI403 before anything is changed; CSNI404 when a node does not serve the
 * certificate in time
 */
export async function certs(context: WorkflowContext, options: CertsOptions = {}): Promise<CertsResult> {
  const now = context.now()
  const situation = await observe(context, options, now)
  const { dc, authority, current } = situation
  const viewer = createViewer(context, dc, situation.authorityPem, {
    port: options.gatewayPort ?? 9042,
    ...(options.gateway === undefined ? {} : { name: options.gateway }),
  })
  const started = dc.nodes.filter((node) => node.state === 'Started' && !node.terminating)
  const looks = await lookAtAll(context, viewer, started)

  const required = requiredNames(dc, situation.publicNames)
  const pending = pendingNodes(dc)
  const decision = decide(current, required, authority.certificate, now)
  const reasons = [
    ...(situation.unreadable === undefined ? [] : [situation.unreadable]),
    ...(options.renew ? ['a new one was asked for'] : []),
    ...(situation.unreadable === undefined ? decision.reasons : []),
  ]
  for (const { pod, reason } of pending)
    context.emit({ type: 'warning', message: `${pod} ${reason}; run this again when it is up` })

  const keystore = await changeKeystore(context, situation, {
    reasons,
    names: namesToIssue(required, current, pending.length > 0),
    now,
  })
  // Only who names public names, or none, expects the others to be gone.
  if (options.publicNames !== undefined && reasons.length === 0)
    warnOfForgotten(context, forgottenNames(keystore.names, required, dc))
  const nodes =
    keystore.fingerprint256 === undefined
      ? reported(context, dc, looks, () => false)
      : await bringLive(context, options, situation, viewer, looks, {
          ...keystore,
          fingerprint256: keystore.fingerprint256,
        })

  return {
    ok: true,
    namespace: dc.namespace,
    datacenter: dc.name,
    dryRun: context.dryRun,
    authority: {
      subject: authority.certificate.subject,
      notAfter: authority.certificate.notAfter.toISOString(),
      fingerprint256: authority.certificate.fingerprint256,
    },
    leaf: {
      names: keystore.names,
      publicNames: situation.publicNames,
      notAfter: keystore.notAfter.toISOString(),
      ...(keystore.fingerprint256 === undefined ? {} : { fingerprint256: keystore.fingerprint256 }),
      issued: keystore.issued,
      reasons,
    },
    nodes,
    pending,
  }
}

function warnOfForgotten(context: WorkflowContext, names: string[]): void {
  if (names.length === 0) return
  const [them, until] =
    names.length === 1 ? ['is no longer remembered', 'carries it'] : ['are no longer remembered', 'carries them']
  context.emit({
    type: 'warning',
    message: `${listed(names)} ${them}, but the certificate ${until} until a new one is issued: kubectl cass-sni certs --renew`,
  })
}

async function observe(context: WorkflowContext, options: CertsOptions, now: number): Promise<Situation> {
  const { kube, emit } = context
  const given = options.publicNames === undefined ? undefined : parsePublicNames(options.publicNames)
  emit({ type: 'step', id: 'authority', title: 'Certificate authority', state: 'started' })
  const dc = await observeDatacenter(kube, {
    namespace: kube.target.namespace,
    ...(options.datacenter === undefined ? {} : { name: options.datacenter }),
    ...(options.clusterDomain === undefined ? {} : { clusterDomain: options.clusterDomain }),
  })
  requireOperatorKeystore(dc)
  const [material, keystore] = await Promise.all([readAuthorityMaterial(kube, dc), readKeystoreMaterial(kube, dc)])
  const place = {
    object: authorityObject(dc),
    secret: dc.keystores.caSecret,
    keystoreSecret: dc.keystores.keystoreSecret,
    namespace: dc.namespace,
  }
  const authority = parseAuthority(material.certificate, material.key, place)
  const warning = checkAuthorityDates(authority.certificate, now, place)
  if (warning !== undefined) emit({ type: 'warning', code: 'CSNI402', message: warning })
  emit({
    type: 'step',
    id: 'authority',
    title: 'Certificate authority',
    state: 'done',
    note: `valid until ${authority.certificate.notAfter.toISOString().slice(0, 10)}`,
  })

  const password = keystorePassword(dc)
  const publicNames = given ?? parsePublicNames(keystore.publicNames ?? [])
  return {
    dc,
    authority,
    authorityPem: authority.certificate.x509.toString(),
    password,
    bytes: keystore.bytes,
    publicNames,
    annotated: keystore.publicNames !== undefined || publicNames.length > 0,
    ...open(keystore.bytes, password, dc, options.replaceKeystore === true),
  }
}

function open(
  bytes: Buffer,
  password: string,
  dc: Datacenter,
  replace: boolean,
): Pick<Situation, 'entries' | 'current' | 'unreadable'> {
  const object = keystoreObject(dc)
  try {
    const entries = readKeystore(bytes, password, object)
    return { entries, current: currentOf(entries, operatorName(dc), password, object) }
  } catch (error) {
    if (!replace || !(error instanceof CassSniError) || error.code !== 'CSNI403') throw error
    return { entries: [], current: undefined, unreadable: error.message }
  }
}

/** This command knows the keystore that the operator makes, and no other. */
function requireOperatorKeystore(dc: Datacenter): void {
  const { enabled, keystorePath } = dc.clientEncryption
  const object = `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`
  const look = command`kubectl get cassandradatacenter ${dc.name} -n ${dc.namespace} -o jsonpath='{.spec.config.cassandra-yaml}'`
  if (!enabled) {
    throw new CassSniError(
      'CSNI306',
      `datacenter ${dc.name} does not encrypt connections of clients: client_encryption_options.enabled is not true in its configuration`,
      {
        object,
        next: [look, hint('docs/certificates.md shows the configuration that is needed')],
      },
    )
  }
  if (keystorePath !== OPERATOR_KEYSTORE_PATH) {
    throw new CassSniError(
      'CSNI306',
      `datacenter ${dc.name} serves ${keystorePath === undefined ? 'no named keystore' : `the keystore ${keystorePath}`}, not the one that cass-operator makes (${OPERATOR_KEYSTORE_PATH}): who made it has to issue its certificate`,
      { object, next: [look, command`kubectl cass-sni verify`] },
    )
  }
}

async function lookAtAll(
  context: WorkflowContext,
  viewer: ReturnType<typeof createViewer>,
  nodes: readonly CassandraNode[],
): Promise<Map<string, Look>> {
  const step = { type: 'step', id: 'served', title: 'What the nodes serve' } as const
  context.emit({ ...step, state: 'started' })
  const looks = new Map<string, Look>()
  await inTurns(nodes, async (node) => looks.set(node.pod, await viewer.look(node)))
  const seen = [...looks.values()].filter((look) => 'served' in look).length
  context.emit({ ...step, state: 'done', note: `${seen} of ${nodes.length} seen` })
  return looks
}

interface Keystore {
  issued: boolean
  names: string[]
  notAfter: Date
  /** Absent in a dry run that would issue. */
  fingerprint256?: string
  bytes: Buffer
}

async function changeKeystore(
  context: WorkflowContext,
  situation: Situation,
  plan: { reasons: string[]; names: string[]; now: number },
): Promise<Keystore> {
  const { dc, authority, current } = situation
  const { reasons, names, now } = plan
  const step = { type: 'step', id: 'keystore', title: "The nodes' keystore" } as const
  context.emit({ ...step, state: 'started' })
  if (reasons.length === 0 && current) {
    const { leaf } = current
    // The public names may be others, of which it carries all.
    await applySecret(context, situation, situation.bytes)
    context.emit({
      ...step,
      state: 'skipped',
      note: `its certificate carries every name, valid until ${leaf.notAfter.toISOString().slice(0, 10)}`,
    })
    return {
      issued: false,
      names: leaf.names,
      notAfter: leaf.notAfter,
      fingerprint256: leaf.fingerprint256,
      bytes: situation.bytes,
    }
  }
  const note = reasons.join('; ')
  if (context.dryRun) {
    // A key of three seconds' work is not made to be thrown away: any other bytes show the same change.
    await applySecret(context, situation, Buffer.from('the new keystore'))
    context.emit({ ...step, state: 'done', note: `would be issued anew: ${note}` })
    return { issued: false, names, notAfter: validityOf(authority, now).notAfter, bytes: situation.bytes }
  }
  const leaf = await issueLeaf({ authority, commonName: operatorName(dc), names, now, randomBytes })
  const bytes = rewriteKeystore(situation.entries, leaf, authority.certificate, {
    alias: operatorName(dc),
    password: situation.password,
    now,
    randomBytes,
  })
  await applySecret(context, situation, bytes)
  context.emit({ ...step, state: 'done', note: `issued anew: ${note}` })
  return {
    issued: true,
    names: leaf.certificate.names,
    notAfter: leaf.certificate.notAfter,
    fingerprint256: leaf.certificate.fingerprint256,
    bytes,
  }
}

/**
 * Of the Secret only this one key and annotation are ours; cass-operator wrote the key once and never looks at it
 * again.
 */
async function applySecret(
  context: WorkflowContext,
  { dc, publicNames, annotated }: Situation,
  bytes: Buffer,
): Promise<void> {
  const desired: Desired = {
    type: SECRET,
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: dc.keystores.keystoreSecret,
        namespace: dc.namespace,
        ...(annotated ? { annotations: { [PUBLIC_NAMES_ANNOTATION]: publicNames.join(',') } } : {}),
      },
      data: { [dc.keystores.keystoreKey]: bytes.toString('base64') },
    },
    ownership: 'share',
    force: true,
    mustExist: true,
  }
  await applyChanges(context, await planChanges(context.kube, [desired]))
}

async function bringLive(
  context: WorkflowContext,
  options: CertsOptions,
  { dc }: Situation,
  viewer: ReturnType<typeof createViewer>,
  looks: Map<string, Look>,
  keystore: Keystore & { fingerprint256: string },
): Promise<CertsNode[]> {
  const { fingerprint256, issued, bytes } = keystore
  const step = { type: 'step', id: 'live', title: 'Live on every node' } as const
  const serves = (look: Look) => 'served' in look && look.served.fingerprint256 === fingerprint256
  // A node that cannot be looked at is told when there is something new, and left alone otherwise.
  const behind = dc.nodes.flatMap((node) => {
    const before = looks.get(node.pod)
    return before && !serves(before) && (issued || 'served' in before) ? [{ node, before }] : []
  })
  const unseen = [...looks.values()].filter((look) => 'trouble' in look).length
  if (behind.length === 0 || context.dryRun) {
    const note =
      behind.length > 0
        ? `would be told: ${behind.map(({ node }) => node.pod).join(', ')}`
        : `${looks.size - unseen} of ${looks.size} nodes serve it already${unseen > 0 ? `, ${unseen} cannot be seen` : ''}`
    context.emit({ ...step, state: 'skipped', note })
    return reported(context, dc, looks, (look) => serves(look))
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
  })
  const live = brought.filter((node) => node.live).length
  context.emit({
    ...step,
    state: 'done',
    note: `${live} of ${brought.length} after ${((context.now() - begun) / 1000).toFixed(1)} s`,
  })
  const byPod = new Map(brought.map((node) => [node.pod, node]))
  const others = reported(context, dc, new Map([...looks].filter(([pod]) => !byPod.has(pod))), (look) => serves(look))
  for (const { pod, note } of brought.filter((node) => !node.live))
    context.emit({
      type: 'warning',
      code: 'CSNI404',
      message: `${pod}: ${note ?? 'not seen to serve the new certificate'}`,
    })
  return dc.nodes.flatMap((node) => byPod.get(node.pod) ?? others.find(({ pod }) => pod === node.pod) ?? [])
}

/** Nodes as they were found. */
function reported(
  context: WorkflowContext,
  dc: Datacenter,
  looks: Map<string, Look>,
  live: (look: Look) => boolean,
): CertsNode[] {
  return dc.nodes.flatMap((node): CertsNode[] => {
    const look = looks.get(node.pod)
    if (!look) return []
    if ('served' in look) return [{ pod: node.pod, before: look.served, after: look.served, live: live(look) }]
    context.emit({
      type: 'warning',
      code: 'CSNI404',
      message: `it cannot be seen what ${node.pod} serves: ${look.trouble}`,
    })
    return [{ pod: node.pod, live: false, note: `cannot be looked at: ${look.trouble}` }]
  })
}

const AT_ONCE = 8

/** Works through the list, a few at a time: each look is a tunnel through the API server. */
async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker))
}
