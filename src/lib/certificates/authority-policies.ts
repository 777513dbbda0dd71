/** Policies for certificate authorities. Pure. */
import type { AuthorityPath } from './authority-path.ts'
import { isRoot } from './authority-path.ts'
import { expired, notYetValid, type Reason } from './reason.ts'

/** Returns why a CA is unusable: expired, not valid yet, or impossible for clients to verify. */
export function authorityFaults(path: AuthorityPath, now: number): Reason[] {
  const [ca] = path
  return [expired(ca, now), notYetValid(ca, now), noRoot(path)].filter((reason) => reason !== undefined)
}

/** Clients verify up to a self-signed certificate: by default OpenSSL accepts no other trust anchor. */
function noRoot(path: AuthorityPath): Reason | undefined {
  const last = path.at(-1) ?? path[0]
  return isRoot(last)
    ? undefined
    : { code: 'NoRoot', message: `root certificate of the intermediate CA missing (issuer: ${last.issuer})` }
}
