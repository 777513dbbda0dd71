/**
 * What a CA can sign (RFC 5280, 4.2.1): extensions that Node's crypto does not expose, and that TLS clients enforce.
 * Pure.
 */
import { BlockList, isIP } from 'node:net'
import { CassSniError, hint, type NextStep } from '../errors.ts'
import { counted } from '../text/counted.ts'
import { listed } from '../text/listed.ts'
import type { AuthorityPath } from './authority-path.ts'
import type { Certificate } from './certificate.ts'
import { objectIdentifier, readElements, readMembers } from './der.ts'
import type { Reason } from './reason.ts'

const OID = {
  keyUsage: objectIdentifier('2.5.29.15'),
  basicConstraints: objectIdentifier('2.5.29.19'),
  nameConstraints: objectIdentifier('2.5.29.30'),
}
/** Tags and context tags: of TBSCertificate, NameConstraints and GeneralName. */
const CONTEXT = { extensions: 0xa3, permitted: 0xa0, excluded: 0xa1, dnsName: 0x82, ipAddress: 0x87 }
const INTEGER = 0x02
/** Bit 5 of keyUsage, in its first byte. */
const KEY_CERT_SIGN = 0x04

/** Names that a CA can, or cannot, sign. */
interface Subtrees {
  dns: string[]
  /** Undefined without any. */
  addresses?: BlockList | undefined
}

export interface AuthorityConstraints {
  /** False if its key usage excludes the signing of certificates. */
  signsCertificates: boolean
  /** How many CAs it permits between it and a leaf; undefined: any number. */
  pathLength?: number | undefined
  permitted: Subtrees
  excluded: Subtrees
}

/** Returns the constraints of a CA; undefined if an extension is malformed. */
export function constraintsOf(certificate: Certificate): AuthorityConstraints | undefined {
  try {
    const extension = extensionsOf(certificate)
    const usage = extension(OID.keyUsage)
    const basic = extension(OID.basicConstraints)
    const names = extension(OID.nameConstraints)
    return {
      // A BIT STRING: tag, length, number of unused bits, bits.
      signsCertificates: usage === undefined || ((usage.at(3) ?? 0) & KEY_CERT_SIGN) !== 0,
      pathLength:
        basic &&
        readMembers(basic)
          .find(({ tag }) => tag === INTEGER)
          ?.content.at(-1),
      permitted: subtrees(names, CONTEXT.permitted),
      excluded: subtrees(names, CONTEXT.excluded),
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * Returns why clients reject every certificate of a CA: it or one of its issuers cannot sign certificates, or has more
 * CAs below it than it permits.
 */
export function constraintFaults(path: AuthorityPath): Reason[] {
  const [ca] = path
  return path.flatMap((certificate, below): Reason[] => {
    const who = certificate === ca ? '' : `issuer (${certificate.subject}): `
    const constraints = constraintsOf(certificate)
    if (constraints === undefined) return [{ code: 'NotAuthority', message: `${who}extensions are malformed` }]
    const { signsCertificates, pathLength } = constraints
    if (!signsCertificates) return [{ code: 'NotAuthority', message: `${who}key usage lacks keyCertSign` }]
    return pathLength !== undefined && pathLength < below
      ? [{ code: 'PathTooLong', message: `${who}pathlen permits ${counted(pathLength, 'CA')} below it, not ${below}` }]
      : []
  })
}

/** Returns why clients reject a certificate with these names: the name constraints of its CA or of an issuer. */
export function nameFault(names: readonly string[], path: AuthorityPath): Reason | undefined {
  for (const certificate of path) {
    const constraints = constraintsOf(certificate)
    const outside = constraints ? namesOutside(names, constraints) : []
    if (outside.length > 0)
      return {
        code: 'NameConstraints',
        message: `the name constraints of ${certificate.subject} do not permit ${listed(outside)}`,
      }
  }
  return undefined
}

/**
 * Refuses names that a CA or one of its issuers cannot sign.
 * @param next the command that replaces the CA
 * @throws CSNI401
 */
export function requirePermitted(names: readonly string[], path: AuthorityPath, next: NextStep[] = []): void {
  const fault = nameFault(names, path)
  if (fault === undefined) return
  throw new CassSniError('CSNI401', `cannot issue the certificate: ${fault.message}`, {
    next: [
      ...next,
      hint(
        'use a CA without name constraints for DNS names, such as a private CA for this datacenter: host IDs are ' +
          'UUIDs, which belong to no domain',
      ),
    ],
  })
}

/** Returns those of the names (DNS names and IP addresses) that a CA with these constraints cannot sign. */
export function namesOutside(names: readonly string[], { permitted, excluded }: AuthorityConstraints): string[] {
  return names.filter((name) => {
    const isConstrained = isIP(name) === 0 ? permitted.dns.length > 0 : permitted.addresses !== undefined
    return includes(excluded, name) || (isConstrained && !includes(permitted, name))
  })
}

/** A subtree that begins with a dot contains only the names below it, as in OpenSSL (crypto/x509/v3_ncons.c nc_dns). */
function includes({ dns, addresses }: Subtrees, name: string): boolean {
  const family = isIP(name)
  if (family !== 0) return addresses?.check(name, family === 4 ? 'ipv4' : 'ipv6') === true
  return dns.some((tree) => tree === '' || name === tree || name.endsWith(tree.startsWith('.') ? tree : `.${tree}`))
}

/** Returns a function that finds the value of an extension by its encoded object identifier. */
function extensionsOf({ der }: Certificate): (oid: Buffer) => Buffer | undefined {
  const [body] = readMembers(der)
  const list = body && readMembers(body.raw).find(({ tag }) => tag === CONTEXT.extensions)
  const extensions = list ? readElements(list.content).flatMap(({ raw }) => readMembers(raw)) : []
  return (oid) => {
    const found = extensions.find(({ raw }) => readMembers(raw).some((member) => member.raw.equals(oid)))
    // an extension ends with its value, an OCTET STRING
    return found && readMembers(found.raw).at(-1)?.content
  }
}

function subtrees(names: Buffer | undefined, tag: number): Subtrees {
  const list = names && readMembers(names).find((member) => member.tag === tag)
  const bases = list ? readElements(list.content).flatMap(({ raw }) => readMembers(raw).slice(0, 1)) : []
  const contents = (type: number) => bases.filter((base) => base.tag === type).map(({ content }) => content)
  const ranges = contents(CONTEXT.ipAddress)
  const addresses = new BlockList()
  for (const range of ranges) {
    const half = range.length / 2
    const bits = [...range.subarray(half)].map((byte) => byte.toString(2)).join('')
    const prefix = bits.replaceAll('0', '').length
    if (half === 4) addresses.addSubnet(range.subarray(0, half).join('.'), prefix, 'ipv4')
    else addresses.addSubnet(range.toString('hex', 0, half).replace(/....(?!$)/g, '$&:'), prefix, 'ipv6')
  }
  return {
    dns: contents(CONTEXT.dnsName).map((name) => name.toString('latin1').toLowerCase()),
    addresses: ranges.length > 0 ? addresses : undefined,
  }
}
