/**
 * Checks a CA that a user supplies, before anything is changed: `givenAuthorityFaults` returns every fault with a
 * stable code, `requireGivenAuthority` throws the first one. Pure.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { again, CassSniError, command, hint, type NextStep } from '../errors.ts'
import { pemBlocks } from '../text/pem.ts'
import type { AuthorityPath } from './authority-path.ts'
import { authorityErrorCode, authorityFaults } from './authority-policies.ts'
import { type Authority, pathOf } from './certificate-authority.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import type { Reason } from './reason.ts'

export interface GivenAuthority {
  /** The CA certificate, then those of its issuers up to the root. */
  certificatePem: string
  /** Secret: never printed. */
  keyPem: string
  /** Password of an encrypted key. Secret: never printed. */
  password?: string | undefined
  /**
   * True if cass-operator must be able to sign with the key: it supports RSA only (k8ssandra/cass-operator
   * pkg/utils/crypto.go prepare_ca).
   */
  rsaOnly?: boolean | undefined
  /** True if cass-operator reads `keyPem` unchanged: it supports unencrypted PKCS#8 only (ibid.). */
  pkcs8Only?: boolean | undefined
}

/** Names of the two texts in messages: "ca.pem", "key \"key\" of secret/x in namespace y". */
export interface AuthoritySource {
  certificate: string
  key: string
  /** True if these are the names of local files, which next steps can name. */
  files: boolean
}

export interface AuthorityFault extends Reason {
  /** Which of the two texts is at fault. */
  part: 'certificate' | 'key'
}

/** @param now milliseconds since the epoch */
export function givenAuthorityFaults(given: GivenAuthority, now: number): AuthorityFault[] {
  return check(given, now).faults
}

/**
 * Returns a CA that can sign certificates.
 * @param now milliseconds since the epoch
 * @throws CSNI402 if it has expired or is not valid yet, CSNI401 for any other fault
 */
export function requireGivenAuthority(given: GivenAuthority, now: number, source: AuthoritySource): Authority {
  const { faults, authority } = check(given, now)
  const [fault] = faults
  if (fault === undefined && authority !== undefined) return authority
  const { part, ...reason } = fault ?? { part: 'certificate', code: 'NoCertificate', message: 'no CA' }
  throw new CassSniError(authorityErrorCode(reason), `${source[part]}: ${reason.message}`, {
    object: source[part],
    next: nextSteps(reason.code, source, now),
  })
}

/** Returns a private key as cass-operator reads it: PKCS#8 PEM, not encrypted. Secret: never printed. */
export function operatorKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

interface Checked {
  faults: AuthorityFault[]
  /** Set if certificate and key can be read and belong together. */
  authority?: Authority | undefined
}

function check(given: GivenAuthority, now: number): Checked {
  const certificates = readCertificates(given.certificatePem)
  const key = readKey(given)
  const faults: AuthorityFault[] = []
  if ('code' in certificates) faults.push(at('certificate', certificates))
  if ('code' in key) faults.push(at('key', key))
  if ('code' in certificates || 'code' in key) return { faults }
  const [first, ...others] = certificates
  const path = pathOf(first, others)
  const unfit = [unsupportedKey(key, given), keyMismatch(key, certificates)].filter((fault) => fault !== undefined)
  const untrusted = [...notAuthorities(path), ...authorityFaults(path, now)]
  return {
    faults: [
      ...unfit.map((fault) => at(fault.code === 'ChainOrder' ? 'certificate' : 'key', fault)),
      ...untrusted.map((fault) => at('certificate', fault)),
    ],
    authority: { path, key },
  }
}

function at(part: AuthorityFault['part'], fault: Reason): AuthorityFault {
  return { part, ...fault }
}

function readCertificates(pem: string): [Certificate, ...Certificate[]] | Reason {
  const blocks = pemBlocks(pem, 'CERTIFICATE')
  const unreadable = (message: string): Reason => ({ code: 'NoCertificate', message })
  if (pem.split('-----BEGIN CERTIFICATE-----').length - 1 !== blocks.length)
    return unreadable('incomplete PEM certificate')
  const certificates: Certificate[] = []
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(readCertificate(block))
    } catch {
      return unreadable(`invalid certificate ${index + 1} of ${blocks.length}`)
    }
  }
  const [first, ...others] = certificates
  if (first !== undefined) return [first, ...others]
  return unreadable(
    pemBlocks(pem, 'PRIVATE KEY').length > 0 ? 'private key found, expected a PEM certificate' : 'no PEM certificate',
  )
}

function readKey({ keyPem, password, pkcs8Only = false }: GivenAuthority): KeyObject | Reason {
  const [block] = pemBlocks(keyPem, 'PRIVATE KEY')
  if (block === undefined) {
    const found =
      pemBlocks(keyPem, 'CERTIFICATE').length > 0 ? 'certificate found, expected a PEM private key' : undefined
    return { code: 'NoKey', message: found ?? 'no PEM private key' }
  }
  const encrypted = block.includes('ENCRYPTED')
  if (encrypted && pkcs8Only)
    return { code: 'EncryptedKey', message: 'encrypted private key, which cass-operator does not support' }
  if (encrypted && password === undefined)
    return { code: 'EncryptedKey', message: 'encrypted private key: password required' }
  const format = /^-----BEGIN (RSA|EC|DSA) PRIVATE KEY/.exec(block)?.[1]
  if (format !== undefined && pkcs8Only)
    return {
      code: 'KeyFormat',
      message: `${format === 'RSA' ? 'PKCS#1' : `${format} (SEC1)`} private key; cass-operator supports only PKCS#8`,
    }
  try {
    return createPrivateKey({ key: block, passphrase: password })
  } catch {
    // The cause is omitted because it could quote the key.
    return encrypted
      ? { code: 'WrongPassword', message: 'cannot decrypt the private key: wrong password, or the file is corrupt' }
      : { code: 'NoKey', message: 'cannot parse the private key' }
  }
}

/** Types of keys that can sign (`issue.ts`), or that cass-operator can sign with. */
function unsupportedKey(key: KeyObject, { rsaOnly = false }: GivenAuthority): Reason | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  const curve = details?.namedCurve
  const name = type === 'ec' ? `EC (${curve ?? 'unknown curve'})` : (type ?? 'unknown').toUpperCase()
  if (type === 'rsa') return undefined
  if (rsaOnly) return { code: 'UnsupportedKey', message: `${name} key; cass-operator supports only RSA` }
  return type === 'ec' && (curve === 'prime256v1' || curve === 'secp384r1')
    ? undefined
    : { code: 'UnsupportedKey', message: `${name} key; supported are RSA, and EC with P-256 or P-384` }
}

function keyMismatch(key: KeyObject, certificates: readonly Certificate[]): Reason | undefined {
  const index = certificates.findIndex(({ x509 }) => x509.checkPrivateKey(key))
  if (index === 0) return undefined
  if (index < 0)
    return {
      code: 'KeyMismatch',
      message: `key mismatch: the private key does not belong to the certificate (${certificates[0]?.subject})`,
    }
  return {
    code: 'ChainOrder',
    message:
      `wrong order: the private key belongs to certificate ${index + 1} (${certificates[index]?.subject}), which ` +
      'must be the first, followed by its issuers up to the root',
  }
}

function notAuthorities(path: AuthorityPath): Reason[] {
  return path.flatMap(({ x509, subject }) =>
    x509.ca ? [] : [{ code: 'NotAuthority', message: `certificate (${subject}) is not a CA certificate` }],
  )
}

function nextSteps(code: Reason['code'], { certificate, key, files }: AuthoritySource, now: number): NextStep[] {
  const show = files
    ? [command`openssl x509 -in ${certificate} -noout -subject -issuer -dates -ext basicConstraints,keyUsage`]
    : []
  switch (code) {
    case 'KeyMismatch':
      return files
        ? [command`openssl x509 -in ${certificate} -noout -pubkey`, command`openssl pkey -in ${key} -pubout`]
        : [hint('the public keys of certificate and key must be the same')]
    case 'WrongPassword':
      return files
        ? [hint('check the file of --ca-key-password-file'), command`openssl pkey -in ${key} -noout`]
        : [hint('convert the key with: openssl pkcs8 -topk8 -nocrypt')]
    case 'EncryptedKey':
      return files ? [again`--ca-key-password-file password.txt`] : [hint('store the key without encryption (PKCS#8)')]
    case 'KeyFormat':
      return files
        ? [command`openssl pkcs8 -topk8 -nocrypt -in ${key} -out ${`${key}.pkcs8`}`]
        : [hint('convert the key with: openssl pkcs8 -topk8 -nocrypt')]
    case 'UnsupportedKey':
      return [hint('create a CA with an RSA key, for example with openssl req -x509 -newkey rsa:4096')]
    case 'NoRoot':
    case 'ChainOrder':
      return [hint('put the CA certificate first, then the certificates of its issuers up to the root'), ...show]
    case 'NotYetValid':
      return [hint(`check the API server's clock: it reads ${new Date(now).toISOString()}`), ...show]
    case 'NoKey':
      return [hint('expected a file with -----BEGIN PRIVATE KEY-----')]
    case 'NoCertificate':
      return [hint('expected a file with -----BEGIN CERTIFICATE-----')]
    case 'NotAuthority':
      return [hint('create a CA with basicConstraints CA:TRUE and keyUsage keyCertSign'), ...show]
    default:
      return show.length > 0 ? show : [hint('use another CA')]
  }
}
