/** Flags for a CA of the user, or the validity of one to create. */
import { Flags } from '@oclif/core'
import type { CertsOptions } from '../workflows/certs/certs-options.ts'
import type { NewAuthorityOptions } from '../workflows/certs/new-authority.ts'

/** A hundred years: typing errors, not limits of X.509. */
const MOST_DAYS = 36_500
const DEFAULT_DAYS = 3650

export const authorityFlags = {
  'ca-file': Flags.string({
    helpGroup: 'CERTIFICATE AUTHORITY',
    helpValue: 'FILE',
    dependsOn: ['ca-key-file'],
    summary: 'CA certificate to use (PEM), followed by its issuers up to the root.',
  }),
  'ca-key-file': Flags.string({
    helpGroup: 'CERTIFICATE AUTHORITY',
    helpValue: 'FILE',
    dependsOn: ['ca-file'],
    summary: 'Private key of --ca-file (PEM, RSA).',
  }),
  'ca-key-password-file': Flags.string({
    helpGroup: 'CERTIFICATE AUTHORITY',
    helpValue: 'FILE',
    dependsOn: ['ca-key-file'],
    summary: 'File with the password of an encrypted --ca-key-file.',
  }),
  'ca-secret': Flags.string({
    helpGroup: 'CERTIFICATE AUTHORITY',
    helpValue: 'NAME',
    exclusive: ['ca-file'],
    summary: 'Secret with the CA to use: keys tls.crt and tls.key, or cert and key.',
  }),
  'ca-days': Flags.integer({
    min: 1,
    max: MOST_DAYS,
    default: DEFAULT_DAYS,
    exclusive: ['ca-file', 'ca-secret'],
    helpGroup: 'CERTIFICATE AUTHORITY',
    helpValue: 'DAYS',
    summary: 'Validity of a new CA.',
  }),
}

/** Flags for a cert-manager issuer that signs. */
export const issuerFlags = {
  issuer: Flags.string({
    helpGroup: 'CERT-MANAGER',
    helpValue: 'NAME',
    exclusive: ['ca-key-file', 'ca-secret'],
    summary: 'cert-manager issuer that signs the certificates.',
  }),
  'issuer-kind': Flags.string({
    helpGroup: 'CERT-MANAGER',
    helpValue: 'KIND',
    dependsOn: ['issuer'],
    summary: 'Issuer (default), ClusterIssuer, or the kind of an external issuer.',
  }),
  'issuer-group': Flags.string({
    helpGroup: 'CERT-MANAGER',
    helpValue: 'GROUP',
    dependsOn: ['issuer'],
    summary: 'API group of the issuer (default cert-manager.io).',
  }),
}

/** Flags for the CA that replaces the current one. */
export const replacementFlags = {
  ...authorityFlags,
  'ca-file': Flags.string({
    helpGroup: 'CA',
    helpValue: 'FILE',
    relationships: [{ type: 'some', flags: ['ca-key-file', 'issuer'] }],
    summary: 'CA certificate to use (PEM), followed by its issuers up to the root.',
  }),
  ...issuerFlags,
}

interface IssuerValues {
  issuer?: string | undefined
  'issuer-kind'?: string | undefined
  'issuer-group'?: string | undefined
}

/** Returns the issuer that these flags name; undefined without `--issuer`. */
export function issuerFrom(flags: IssuerValues): CertsOptions['issuer'] {
  const { issuer: name, 'issuer-kind': kind = 'Issuer', 'issuer-group': group = 'cert-manager.io' } = flags
  return name === undefined ? undefined : { group, kind, name }
}

interface Values extends IssuerValues {
  'ca-file'?: string | undefined
  'ca-key-file'?: string | undefined
  'ca-key-password-file'?: string | undefined
  'ca-secret'?: string | undefined
  'ca-days': number
}

/** Returns the workflow's options for the values of these flags. */
export function authorityOptions(flags: Values): NewAuthorityOptions {
  const { 'ca-file': certificate, 'ca-key-file': key, 'ca-key-password-file': passwordFile, 'ca-days': days } = flags
  const files = certificate === undefined || key === undefined ? undefined : { certificate, key, passwordFile }
  const reference = issuerFrom(flags)
  const issuer = reference && { reference, authorityFile: certificate }
  return { days, files, secret: flags['ca-secret'], issuer }
}
