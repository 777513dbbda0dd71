/** Policies for certificate authorities. Pure. */
import { constraintFaults } from './authority-constraints.ts'
import { type AuthorityPath, isRoot } from './authority-path.ts'
import type { ErrorCode } from '../errors.ts'
import { expired, notYetValid, type Reason, weakKey } from './reason.ts'

/**
 * Returns why a CA is unusable: it or one of its issuers has expired, is not valid yet, has a weak key or cannot sign
 * certificates, or clients cannot verify it for lack of its root.
 */
export function authorityFaults([ca, ...issuers]: AuthorityPath, now: number): Reason[] {
  const faults = [ca, ...issuers].flatMap((certificate) =>
    [expired(certificate, now), notYetValid(certificate, now), weakKey(certificate)]
      .filter((reason) => reason !== undefined)
      .map(({ code, message }) => ({
        code,
        message: certificate === ca ? message : `issuer (${certificate.subject}): ${message}`,
      })),
  )
  return [...faults, ...constraintFaults([ca, ...issuers]), ...noRoot([ca, ...issuers])]
}

/** Returns the error code for a fault of a CA. */
export function authorityErrorCode({ code }: Reason): ErrorCode {
  return code === 'Expired' || code === 'NotYetValid' ? 'CSNI402' : 'CSNI401'
}

/** Faults that another CA mends: `certs rotate-ca`. An expired one needs its `--expired`. */
const REPLACEABLE: ReadonlySet<string> = new Set(['WeakKey', 'NotAuthority', 'PathTooLong'])

/** Returns whether a new CA is the remedy for a fault of a CA that has not expired. */
export function isReplaceable({ code }: { code: string }): boolean {
  return REPLACEABLE.has(code)
}

/** Clients verify up to a self-signed certificate: by default OpenSSL accepts no other trust anchor. */
function noRoot(path: AuthorityPath): Reason[] {
  const last = path.at(-1) ?? path[0]
  if (isRoot(last)) return []
  return [{ code: 'NoRoot', message: `root certificate of the intermediate CA missing (issuer: ${last.issuer})` }]
}
