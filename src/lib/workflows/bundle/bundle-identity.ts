/** The client certificate in a bundle: required by several drivers even if the nodes request none. */
import { randomBytes } from 'node:crypto'
import { authorityLocation, readAuthorityMaterial } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { servedAuthorities } from '../../certificates/authority-path.ts'
import { parseAuthority, requireUsable } from '../../certificates/certificate-authority.ts'
import { clientFaults, type Identity, isClientName, readIdentity } from '../../certificates/client-certificate.ts'
import { issueLeaf } from '../../certificates/issue.ts'
import { createSelfSigned } from '../../certificates/self-signed.ts'
import type { Bundle } from '../../clients/read-bundle.ts'
import { BUNDLE_FILES } from '../../clients/secure-connect-bundle.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'

/** A self-signed certificate is replaced this long before it expires. */
const REPLACE_BEFORE_MS = 365 * 24 * 60 * 60 * 1000

const HIDDEN =
  'cannot read whether the nodes require client certificates; if so, include one with --client-cert and --client-key'

export interface BundleIdentity {
  identity: Identity
  /** - issued: by the datacenter's CA, because the nodes request one; given: by the user. */
  kind: 'given' | 'issued' | 'self-signed'
}

/** Returns the certificate and key in a bundle; undefined if it has none, or no valid pair. */
export function identityIn({ files }: Pick<Bundle, 'files'>): Identity | undefined {
  const text = (name: string) => files.get(name)?.toString('utf8') ?? ''
  return readIdentity(text(BUNDLE_FILES.certificate), text(BUNDLE_FILES.key))
}

/**
 * Returns the given identity; else one that the nodes accept, if they request one; else a self-signed one, which is
 * never verified. A usable identity of the existing bundle is kept.
 * @throws CSNI203, CSNI401, CSNI402 if the datacenter's CA cannot issue a certificate
 */
export async function bundleIdentity(
  context: WorkflowContext,
  dc: Datacenter,
  choice: { given: Identity | undefined; existing: Identity | undefined; commonName: string },
): Promise<BundleIdentity> {
  const { given, existing } = choice
  const commonName = isClientName(choice.commonName) ? choice.commonName : dc.name
  const now = clusterTime(context)
  if (given !== undefined) return { identity: given, kind: 'given' }
  const { requireClientAuth, optionalClientAuth } = dc.clientEncryption
  if (!requireClientAuth && optionalClientAuth !== true) {
    if (dc.configurationHidden !== undefined) context.emit({ type: 'warning', message: HIDDEN })
    const isUsable = existing !== undefined && existing.chain[0].notAfter.getTime() - now > REPLACE_BEFORE_MS
    const identity = isUsable ? existing : await createSelfSigned({ commonName, now, randomBytes })
    return { identity, kind: 'self-signed' }
  }
  const { certificate, key } = await readAuthorityMaterial(context.kube, dc)
  const location = authorityLocation(dc)
  const signer = parseAuthority(certificate, key, location)
  const warning = requireUsable(signer.path, now, location)
  if (warning !== undefined) context.emit({ type: 'warning', code: 'CSNI402', message: warning })
  if (existing !== undefined && clientFaults(existing, signer.path, now).length === 0)
    return { identity: existing, kind: 'issued' }
  const issued = await issueLeaf({ authority: signer, commonName, names: [], usage: 'client', now, randomBytes })
  return {
    identity: { key: issued.key, chain: [issued.certificate, ...servedAuthorities(signer.path)] },
    kind: 'issued',
  }
}
