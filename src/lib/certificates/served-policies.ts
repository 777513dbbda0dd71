/**
 * Policies for what a node serves, which may differ from its keystore in the Secret. `verify` and `certs status` report
 * the same reasons, by construction. Pure.
 */
import { asHostId } from '../text/host-id.ts'
import type { NameSet } from './certificate-settings.ts'
import { leafExpiresSoon, type PolicyInput } from './policies.ts'
import type { Reason, ReasonCode } from './reason.ts'

/** A TLS handshake with a node by one of its names. */
export interface ServedHandshake {
  serverName: string
  /** Why the chain (or a date in it) does not verify. */
  chainReason?: string | undefined
  /** Why the name does not verify. */
  nameReason?: string | undefined
  certificate: {
    fingerprint256: string
    /** ISO 8601. */
    validFrom: string
    validTo: string
    /** The SPIFFE ID, if it is the certificate of an Istio sidecar. */
    spiffe?: string | undefined
  }
}

export interface ServedInput extends Pick<PolicyInput, 'authorities' | 'renewBeforeMs' | 'now'> {
  handshakes: readonly ServedHandshake[]
  names?: NameSet | undefined
  /** The certificate in the Secret: its fingerprint and the Secret's name; undefined if it cannot be read. */
  stored?: { fingerprint256: string; object: string } | undefined
}

/** Returns what is wrong with the certificate that a node serves; a sidecar's is not judged further. */
export function servedReasons(input: ServedInput): Reason[] {
  const sidecar = servedBySidecar(input)
  if (sidecar !== undefined) return [sidecar]
  return [untrustedChain(input), wrongNames(input), servedExpiresSoon(input), notServed(input)].filter(
    (reason) => reason !== undefined,
  )
}

/** Codes that only warn: the certificate is still accepted. */
export const WARNINGS: ReadonlySet<ReasonCode> = new Set<ReasonCode>(['ExpiresSoon'])

export function servedBySidecar({ handshakes }: Pick<ServedInput, 'handshakes'>): Reason | undefined {
  const spiffe = handshakes.find(({ certificate }) => certificate.spiffe !== undefined)?.certificate.spiffe
  if (spiffe === undefined) return undefined
  return { code: 'Sidecar', message: `an Istio sidecar (${spiffe}) terminates TLS instead of Cassandra` }
}

export function untrustedChain({ handshakes }: Pick<ServedInput, 'handshakes'>): Reason | undefined {
  const message = handshakes.map(({ chainReason }) => chainReason).find((each) => each !== undefined)
  return message === undefined ? undefined : { code: 'UntrustedChain', message }
}

/** Without host IDs in the certificate, only the DNS name is expected to verify. */
export function wrongNames({ handshakes, names }: Pick<ServedInput, 'handshakes' | 'names'>): Reason | undefined {
  const expected = handshakes.filter(({ serverName }) => names !== 'public' || asHostId(serverName) === undefined)
  const reasons = expected.map(({ nameReason }) => nameReason).filter((each) => each !== undefined)
  return reasons.length === 0 ? undefined : { code: 'MissingNames', message: reasons.join('; ') }
}

/** Of several certificates, during a reload, the one that expires first counts. */
export function servedExpiresSoon({ handshakes, ...input }: ServedInput): Reason | undefined {
  const [first] = handshakes
    .map(({ certificate }) => ({
      notBefore: new Date(certificate.validFrom),
      notAfter: new Date(certificate.validTo),
    }))
    .sort((a, b) => a.notAfter.getTime() - b.notAfter.getTime())
  return first && leafExpiresSoon(first, input)
}

export function notServed({ handshakes, stored }: Pick<ServedInput, 'handshakes' | 'stored'>): Reason | undefined {
  const other = handshakes.find(({ certificate }) => certificate.fingerprint256 !== stored?.fingerprint256)
  if (stored === undefined || other === undefined) return undefined
  return {
    code: 'NotServed',
    message:
      `serves certificate ${start(other.certificate.fingerprint256)} but ${stored.object} holds ` +
      `${start(stored.fingerprint256)}`,
  }
}

/** The start of a fingerprint, as `certs` shows it. */
const start = (fingerprint: string) => fingerprint.slice(0, 11)
