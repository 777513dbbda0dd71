/** Flags for a CA of the user, or the validity of one to create. */
import { Flags } from '@oclif/core'
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
    helpGroup: 'CERTIFICATE AUTHORITY',
    helpValue: 'DAYS',
    summary: 'Validity of a new CA.',
  }),
}

interface Values {
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
  return { days, files, secret: flags['ca-secret'] }
}
