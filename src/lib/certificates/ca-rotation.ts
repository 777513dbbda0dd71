/**
 * A CA rotation: one CA replaces another. In between, every node trusts both and serves a certificate of either. Pure.
 */
import type { AuthorityCertificates, RotationPhase } from '../cassandra/authority-secret.ts'
import type { Authorities, AuthorityPath } from './authority-path.ts'
import { type AuthorityLocation, parseAuthorityPath } from './certificate-authority.ts'

export interface Rotation {
  phase: RotationPhase
  /** The CA that does not sign: the new one in phases trust and abort, the previous one in sign and drop. */
  other: AuthorityPath
}

/**
 * Parses the CA rotation in a CA Secret; undefined without a rotation.
 * @throws CSNI401 if the other CA cannot be read
 */
export function parseRotation({ rotation }: AuthorityCertificates, location: AuthorityLocation): Rotation | undefined {
  return rotation && { phase: rotation.phase, other: parseAuthorityPath(rotation.other, location) }
}

/** Returns the CAs that nodes and clients must trust; the first one signs. */
export function authoritiesDuring(rotation: Rotation | undefined, signer: AuthorityPath): Authorities {
  return rotation?.phase === 'trust' || rotation?.phase === 'sign' ? [signer, rotation.other] : [signer]
}

/** Returns the CA that nodes must no longer trust. */
export function retiredAuthority(rotation: Rotation | undefined): AuthorityPath | undefined {
  return rotation?.phase === 'drop' || rotation?.phase === 'abort' ? rotation.other : undefined
}
