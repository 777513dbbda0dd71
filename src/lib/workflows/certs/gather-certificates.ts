/** What `certs` decides on: the datacenter, its CA, its keystore, and what the nodes serve. Reads only. */
import pLimit from 'p-limit'
import {
  authorityPlace,
  keystoreObject,
  keystorePassword,
  type KeystoreMaterial,
  OPERATOR_KEYSTORE_PATH,
  readAuthorityMaterial,
  readKeystoreMaterial,
} from '../../cassandra/authority-secret.ts'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { type Authority, parseAuthority, requireUsable, trustPem } from '../../certificates/certificate-authority.ts'
import { operatorName } from '../../certificates/certificate-plan.ts'
import { BACKDATED_MS } from '../../certificates/issue.ts'
import { type NodeKeystore, openKeystore } from '../../certificates/node-keystore.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { observeRouted } from '../../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../../routes/route-plan.ts'
import { clockSkew, clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import type { CertsOptions } from './certs-options.ts'
import { createViewer, type Look, type Viewer } from './served-certificates.ts'
import { packageFile } from '../../text/package-file.ts'

/** So many nodes are looked at, or told to reload, at once: each is a tunnel or a command through the API server. */
export const NODES_AT_ONCE = 8

export interface CertificateObservation {
  dc: Datacenter
  authority: Authority
  /** Secret: never printed. */
  password: string
  material: KeystoreMaterial
  keystore: NodeKeystore
  /** Why the keystore has to be made as a whole. */
  unreadable?: string | undefined
  viewer: Viewer
  /** Milliseconds since the epoch, by the API server's clock. */
  now: number
  /** By pod: what each node serves; nodes that run no Cassandra are not looked at. */
  looks: Map<string, Look>
}

/**
 * Reads what a run of `certs` decides on.
 * @throws CSNI306, CSNI401, CSNI402, CSNI403 and what reading throws
 */
export async function gatherCertificates(
  context: WorkflowContext,
  options: CertsOptions,
): Promise<CertificateObservation> {
  const { kube, emit } = context
  const step = { type: 'step', id: 'authority', title: 'Certificate authority' } as const
  emit({ ...step, state: 'started' })
  const { datacenter: dc, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  })
  requireOperatorKeystore(dc)
  const [authorityMaterial, material] = await Promise.all([
    readAuthorityMaterial(kube, dc),
    readKeystoreMaterial(kube, dc),
  ])
  const now = clusterTime(context)
  warnOfClock(context)
  const place = authorityPlace(dc)
  const authority = parseAuthority(authorityMaterial.certificate, authorityMaterial.key, place)
  const warning = requireUsable(authority.path, now, place)
  if (warning !== undefined) emit({ type: 'warning', code: 'CSNI402', message: warning })
  emit({
    ...step,
    state: 'done',
    note: `valid until ${authority.path[0].notAfter.toISOString().slice(0, 10)}`,
  })
  const password = keystorePassword(dc)
  const opened = open(material.bytes, password, dc, options.replaceKeystore === true)
  const viewer = createViewer(context, dc, trustPem(authority.path), {
    wanted: options.gateway,
    remembered: choices,
    port: options.gatewayPort ?? choices.port ?? DEFAULT_GATEWAY_PORT,
  })
  const looks = await lookAtAll(context, viewer, dc.nodes)
  return { dc, authority, password, material, ...opened, viewer, now, looks }
}

/** Says so when this machine's clock is off by more than a certificate is backdated. */
function warnOfClock({ kube, emit }: WorkflowContext): void {
  const skew = clockSkew(kube)
  if (Math.abs(skew) <= BACKDATED_MS) return
  const minutes = Math.round(Math.abs(skew) / 60_000)
  emit({
    type: 'warning',
    message:
      `this machine's clock is ${minutes} minutes ${skew < 0 ? 'ahead of' : 'behind'} the API server's: ` +
      "certificates are dated by the API server's clock",
  })
}

/** True for a node whose Cassandra runs, ready or not, and so serves a certificate or is about to. */
export function runsCassandra({ state, terminating }: CassandraNode): boolean {
  return (state === 'Started' || state === 'Started-not-Ready') && !terminating
}

function open(
  bytes: Buffer,
  password: string,
  dc: Datacenter,
  replace: boolean,
): Pick<CertificateObservation, 'keystore' | 'unreadable'> {
  try {
    return { keystore: openKeystore(bytes, { password, alias: operatorName(dc), object: keystoreObject(dc) }) }
  } catch (error) {
    if (!replace || !(error instanceof CassSniError) || error.code !== 'CSNI403') throw error
    return { keystore: { entries: [], current: undefined }, unreadable: error.message }
  }
}

/** This command works on the keystore that the operator makes, and no other. */
function requireOperatorKeystore(dc: Datacenter): void {
  const { enabled, keystorePath } = dc.clientEncryption
  const object = `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`
  const look = command`kubectl get cassandradatacenter ${dc.name} -n ${dc.namespace}
    -o jsonpath='{.spec.config.cassandra-yaml}'`
  if (!enabled) {
    throw new CassSniError(
      'CSNI306',
      `datacenter ${dc.name} does not encrypt connections of clients: client_encryption_options.enabled is not ` +
        'true in its configuration',
      {
        object,
        next: [look, hint(`${packageFile('docs/certificates.md')} shows the required configuration`)],
      },
    )
  }
  if (keystorePath !== OPERATOR_KEYSTORE_PATH) {
    throw new CassSniError(
      'CSNI306',
      `datacenter ${dc.name} serves ` +
        `${keystorePath === undefined ? 'no named keystore' : `the keystore ${keystorePath}`}, not the one that ` +
        `cass-operator makes (${OPERATOR_KEYSTORE_PATH}): who made it has to issue its certificate`,
      { object, next: [look, command`kubectl cass-sni verify`] },
    )
  }
}

async function lookAtAll(
  context: WorkflowContext,
  viewer: Viewer,
  nodes: readonly CassandraNode[],
): Promise<Map<string, Look>> {
  const step = { type: 'step', id: 'served', title: 'What the nodes serve' } as const
  context.emit({ ...step, state: 'started' })
  const limit = pLimit(NODES_AT_ONCE)
  const running = nodes.filter(runsCassandra)
  const found = await Promise.all(
    running.map((node) => limit(async () => [node.pod, await viewer.look(node)] as const)),
  )
  const looks = new Map(found)
  const seen = found.filter(([, look]) => 'served' in look).length
  const waiting = nodes.length - running.length
  const note = `${seen} of ${nodes.length} seen${waiting > 0 ? `, ${waiting} not running` : ''}`
  context.emit({ ...step, state: 'done', note })
  return looks
}
