/** The certificate of the metadata service, in a Secret that its pods mount. */
import { randomBytes } from 'node:crypto'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { requirePermitted } from '../../certificates/authority-constraints.ts'
import { type Authorities, servedAuthorities } from '../../certificates/authority-path.ts'
import type { Authority } from '../../certificates/certificate-authority.ts'
import { dateText } from '../../certificates/certificate.ts'
import { chainPem, type Identity, keyPem, readIdentity } from '../../certificates/client-certificate.ts'
import { issueLeaf, validityOf } from '../../certificates/issue.ts'
import { metadataFaults } from '../../certificates/metadata-certificate.ts'
import type { Reason, ReasonCode } from '../../certificates/reason.ts'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { Desired } from '../../changes/changeset.ts'
import { ownedLabels } from '../../changes/ownership.ts'
import type { Kube, KubeObject } from '../../cluster/kube.ts'
import { apiVersionOf, CASSANDRA_DATACENTER, SECRET } from '../../cluster/resources.ts'
import type { Secret } from '../../cluster/workloads.ts'
import { routeNames } from '../../routes/sni-names.ts'
import type { WorkflowContext } from '../context.ts'

const CERTIFICATE = 'tls.crt'
const KEY = 'tls.key'

export interface MetadataCertificate {
  /** The server name. */
  name: string
  secret: string
  notAfter: string
  /** True if a new certificate was issued. */
  issued: boolean
  /** Why a new certificate was issued, or would be in a dry run. */
  reasons: string[]
  reasonCodes: ReasonCode[]
}

interface Signing {
  dc: Datacenter
  /** Signs. */
  authority: Authority
  /** What clients trust, the signing one first. */
  authorities: Authorities
  /** Milliseconds since the epoch. */
  now: number
}

/** Returns the name of the Secret. */
export function metadataSecretName(dc: Pick<Datacenter, 'name'>): string {
  return routeNames(dc.name).metadata
}

/** Reads certificate and key; undefined if one is missing or invalid. Throws CSNI203 without permission. */
export async function readMetadataIdentity(
  kube: Kube,
  dc: Datacenter,
): Promise<{ live: KubeObject | undefined; identity: Identity | undefined }> {
  const live = await kube.get<Secret>(SECRET, metadataSecretName(dc), dc.namespace)
  const text = (key: string) => Buffer.from(live?.data?.[key] ?? '', 'base64').toString('utf8')
  return { live, identity: live && readIdentity(text(CERTIFICATE), text(KEY)) }
}

/**
 * Issues a certificate for the metadata service if the one in its Secret is unsuitable; otherwise writes nothing. Its
 * pods reread it without a restart.
 * @throws CSNI203 without permission, CSNI401 if the CA cannot sign the name, CSNI210 if the Secret is not managed by
 * this program, CSNI211 if it was changed since it was read
 */
export async function reconcileMetadataSecret(
  context: WorkflowContext,
  name: string,
  { dc, authority, authorities, now }: Signing,
): Promise<MetadataCertificate> {
  const step = { type: 'step', id: 'metadata', title: 'Metadata service certificate' } as const
  const { live, identity } = await readMetadataIdentity(context.kube, dc)
  context.emit({ ...step, state: 'started' })
  const reasons: Reason[] = metadataFaults(identity, { name, authorities, now })
  const outcome = {
    name,
    secret: metadataSecretName(dc),
    reasons: reasons.map(({ message }) => message),
    reasonCodes: reasons.map(({ code }) => code),
  }
  const why = outcome.reasons.join('; ')
  if (identity !== undefined && reasons.length === 0) {
    const [{ notAfter }] = identity.chain
    context.emit({ ...step, state: 'skipped', note: `valid until ${dateText(notAfter)}` })
    return { ...outcome, notAfter: notAfter.toISOString(), issued: false }
  }
  if (authorities.length === 1) requirePermitted([name], authority.path)
  if (context.dryRun) {
    const { notAfter } = validityOf(authority.path[0], now)
    context.emit({ ...step, state: 'skipped', note: `would issue a new certificate (${why})` })
    return { ...outcome, notAfter: notAfter.toISOString(), issued: false }
  }
  const { certificate, key } = await issueLeaf({
    authority,
    commonName: name,
    names: [name],
    usage: 'server',
    now,
    randomBytes,
  })
  const issued: Identity = { key, chain: [certificate, ...servedAuthorities(authority.path)] }
  await applyChanges(context, await planChanges(context.kube, [secretOf(dc, issued, live)]))
  context.emit({ ...step, state: 'done', note: `issued a new certificate (${why})` })
  return { ...outcome, notAfter: certificate.notAfter.toISOString(), issued: true }
}

/** Deleted with the CassandraDatacenter. */
function secretOf({ name, namespace, uid }: Datacenter, identity: Identity, live: KubeObject | undefined): Desired {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const { kind } = CASSANDRA_DATACENTER
  return {
    type: SECRET,
    ownership: 'own',
    basedOn: { live },
    object: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: metadataSecretName({ name }),
        namespace,
        labels: ownedLabels(name),
        ownerReferences: [{ apiVersion: apiVersionOf(CASSANDRA_DATACENTER), kind, name, uid }],
      },
      type: 'kubernetes.io/tls',
      data: { [CERTIFICATE]: base64(chainPem(identity)), [KEY]: base64(keyPem(identity)) },
    } as KubeObject,
  }
}
