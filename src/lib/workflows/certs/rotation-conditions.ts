/** What the options of `certs rotate-ca` require of the state of the rotation. */
import { authorityLocation, authorityObject } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { nameFault } from '../../certificates/authority-constraints.ts'
import { authorityFaults } from '../../certificates/authority-policies.ts'
import { requiredNames } from '../../certificates/certificate-names.ts'
import { dateText } from '../../certificates/certificate.ts'
import { type IssuerReference, isSameIssuer, issuerText } from '../../certificates/issuer-reference.ts'
import { expired, type Reason } from '../../certificates/reason.ts'
import { againWithout, CassSniError, command, hint } from '../../errors.ts'
import type { ReplacementAuthority } from './new-authority.ts'
import { issuerOf, type RotationState } from './rotation-state.ts'

interface Given {
  dc: Datacenter
  /** The CA of the user. */
  given: ReplacementAuthority | undefined
  /** The issuer that is to sign. */
  issuer: IssuerReference | undefined
}

/** Throws CSNI101 if a rotation to another CA or issuer than the given one is in progress. */
export function requireSameAuthority({ given, dc, issuer }: Given, state: RotationState): void {
  const [next] = state.rotation?.phase === 'trust' ? state.rotation.other : state.authority.path
  const current = issuerOf(state)
  const isSame =
    issuer !== undefined
      ? current !== undefined && isSameIssuer(current, issuer)
      : given === undefined || (given.path[0].fingerprint256 === next.fingerprint256 && current === undefined)
  if (isSame) return
  throw new CassSniError(
    'CSNI101',
    `${authorityObject(dc)}: a rotation to another CA is in progress (${next.subject})`,
    {
      object: authorityObject(dc),
      next: [
        againWithout(
          ...['ca-file', 'ca-key-file', 'ca-key-password-file', 'ca-secret'],
          ...['issuer', 'issuer-kind', 'issuer-group'],
        ),
        command`kubectl cass-sni certs rotate-ca --abort`,
      ],
    },
  )
}

/** Throws CSNI101 if the given CA or issuer already signs. */
export function requireAnother({ given, dc, issuer }: Given, { authority }: RotationState): void {
  const [current] = authority.path
  if (given?.path[0].fingerprint256 === current.fingerprint256)
    throw new CassSniError('CSNI101', `${authorityObject(dc)} already has this CA (${current.subject})`)
  if (issuer !== undefined && 'issuer' in authority && isSameIssuer(authority.issuer, issuer))
    throw new CassSniError('CSNI101', `${authorityObject(dc)}: ${issuerText(issuer)} already signs the certificates`)
}

/**
 * Returns whether the CA has expired.
 * @param now milliseconds since the epoch
 */
export function hasExpired({ authority }: RotationState, now: number): boolean {
  return expired(authority.path[0], now) !== undefined
}

/** Returns why the current CA cannot sign the certificate of the nodes. */
export function signingFaults({ authority: { path } }: RotationState, dc: Datacenter, now: number): Reason[] {
  const names = nameFault(requiredNames(dc, {}), path)
  return [...authorityFaults(path, now), ...(names ? [names] : [])]
}

/** Throws CSNI402 or CSNI101 if `--expired` does not match the CA's validity. */
export function requireExpiredFlag(dc: Datacenter, state: RotationState, isGiven: boolean, now: number): void {
  const [{ notAfter }] = state.authority.path
  const { object } = authorityLocation(dc)
  const isExpired = hasExpired(state, now)
  if (isExpired === isGiven) return
  if (isExpired)
    throw new CassSniError('CSNI402', `${object}: CA expired on ${dateText(notAfter)}`, {
      object,
      next: [{ again: ['--expired'], without: ['finish', 'abort'] }],
    })
  throw new CassSniError('CSNI101', `${object}: CA has not expired (valid until ${dateText(notAfter)})`, {
    object,
    next: [againWithout('expired')],
  })
}

/** Returns the error of `--abort` once the new CA signs. */
export function tooLateToAbort(dc: Datacenter, { authority }: RotationState): CassSniError {
  const object = authorityObject(dc)
  return new CassSniError('CSNI101', `${object}: cannot abort: ${authority.path[0].subject} already signs`, {
    object,
    next: [
      { again: ['--finish'], without: ['abort'] },
      hint('to return to the previous CA, finish this rotation, then rotate to it with --ca-file and --ca-key-file'),
    ],
  })
}
