/** What `certs` has saved for the certificates, for checks. */
import { isIP } from 'node:net'
import { OPERATOR_KEYSTORE_PATH } from '../cassandra/authority-secret.ts'
import type { CertificateSettings } from '../certificates/certificate-settings.ts'
import { CassSniError } from '../errors.ts'
import type { Probes } from './probes.ts'

/** The saved settings; the defaults if the keystore is not the operator's or cannot be read, as CSNI838 reports. */
export async function settingsOf(probes: Probes): Promise<CertificateSettings> {
  if (probes.datacenter.clientEncryption.keystorePath !== OPERATOR_KEYSTORE_PATH) return {}
  return probes.keystore().catch((error: unknown) => {
    if (error instanceof CassSniError) return {}
    throw error
  })
}

/** The public DNS names of the gateway, without wildcards and IP addresses. Applications depend on one that has any. */
export async function publicDnsNames(probes: Probes): Promise<string[]> {
  const { publicNames = [] } = await settingsOf(probes)
  return publicNames.filter((name) => isIP(name) === 0 && !name.startsWith('*'))
}
