/** A node certificate from files of the user: read once, and checked before anything is changed. */
import { authorityObject } from '../../cassandra/authority-secret.ts'
import { servedAuthorities } from '../../certificates/authority-path.ts'
import { requiredNames } from '../../certificates/certificate-names.ts'
import type { CertificateSettings } from '../../certificates/certificate-settings.ts'
import { readGivenKeystore, readGivenPem } from '../../certificates/given-certificate.ts'
import type { IssuedLeaf } from '../../certificates/issue.ts'
import { issuerText } from '../../certificates/issuer-reference.ts'
import { reasonsToIssue } from '../../certificates/policies.ts'
import { again, CassSniError, command, hint, type NextStep } from '../../errors.ts'
import { readBinary } from '../../files/input-file.ts'
import { readPemFile } from '../../files/pem-file.ts'
import type { WorkflowContext } from '../context.ts'
import type { GivenLeafOptions } from './certs-options.ts'
import type { CertificateObservation } from './gather-certificates.ts'

/** @throws CSNI104, CSNI107 if a file cannot be read */
export async function readGivenLeaf(
  { signal }: WorkflowContext,
  { keystore, certificate = '', key = '', password }: GivenLeafOptions,
): Promise<IssuedLeaf> {
  if (keystore !== undefined) return readGivenKeystore(keystore, await readBinary(keystore, signal), await password?.())
  const certificateText = await readPemFile(certificate, 'certificate', signal)
  const keyText = await readPemFile(key, 'key', signal)
  return readGivenPem({
    certificate: { file: certificate, text: certificateText },
    key: { file: key, text: keyText },
    password: await password?.(),
  })
}

/**
 * Requires that the certificate is one that nodes can serve: by the policies for those of `certs`.
 * @throws CSNI107 for the first fault; CSNI101 during a CA rotation, or if cert-manager issues the certificates
 */
export function requireServable(
  context: WorkflowContext,
  { keystore, certificate: file = '', allowMissingNames }: GivenLeafOptions,
  { certificate }: IssuedLeaf,
  { dc, authority, authorities, rotation, routes, now }: CertificateObservation,
  settings: CertificateSettings,
): void {
  const source = keystore ?? file
  const object = authorityObject(dc)
  if (rotation !== undefined)
    throw new CassSniError('CSNI101', `${object}: a CA rotation is in progress`, {
      object,
      next: [command`kubectl cass-sni certs rotate-ca`],
    })
  if ('issuer' in authority)
    throw new CassSniError('CSNI101', `${object}: ${issuerText(authority.issuer)} issues the certificates`, {
      object,
      next: [hint('return to a CA of the datacenter first:'), command`kubectl cass-sni certs rotate-ca`],
    })
  if (certificate.x509.ca)
    throw new CassSniError('CSNI107', `${source}: certificate of a CA, expected one of a server`, {
      object: source,
      next: nextSteps('NotForServers'),
    })
  const chain = servedAuthorities(authority.path)
  const current = { leaf: certificate, chain, trusted: authorities.map(([ca]) => ca), keyMatches: true }
  const faults = reasonsToIssue({ current, required: requiredNames(dc, settings, routes), authorities, now })
  const accepted = faults.filter(({ code }) => code === 'ExpiresSoon' || (code === 'MissingNames' && allowMissingNames))
  const fault = faults.find((each) => !accepted.includes(each))
  if (fault !== undefined)
    throw new CassSniError('CSNI107', `${source}: ${fault.message}`, { object: source, next: nextSteps(fault.code) })
  for (const { code, message } of accepted)
    context.emit({
      type: 'warning',
      message:
        code === 'MissingNames'
          ? `${source}: ${message}; clients that verify these names fail`
          : `${source}: ${message}`,
    })
}

function nextSteps(code: string): NextStep[] {
  if (code === 'MissingNames')
    return [
      hint('request a certificate with these names, or accept that clients that verify them fail:'),
      again`--allow-missing-names`,
    ]
  if (code === 'AnotherAuthority')
    return [
      hint('nodes and clients must trust its CA first: certs rotate-ca --ca-file CA --ca-key-file KEY'),
      command`kubectl cass-sni certs ca`,
    ]
  return [hint('use another certificate')]
}
