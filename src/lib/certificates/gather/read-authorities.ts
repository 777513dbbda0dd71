/** Reads the CAs that the nodes and clients of a datacenter must trust. */
import { authorityLocation, readAuthorityCertificates } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Kube } from '../../cluster/kube.ts'
import type { Authorities } from '../authority-path.ts'
import { authoritiesDuring, parseRotation } from '../ca-rotation.ts'
import { parseAuthorityPath } from '../certificate-authority.ts'

/**
 * Returns the CAs of a datacenter, two while one replaces the other; the first one signs its certificates.
 * Never reads a private key.
 * @throws CSNI204 if the Secret is missing, CSNI401 if it has no CA certificate, CSNI203 without permission to read
 * Secrets
 */
export async function readAuthorities(kube: Kube, dc: Datacenter): Promise<Authorities> {
  const location = authorityLocation(dc)
  const certificates = await readAuthorityCertificates(kube, dc)
  return authoritiesDuring(
    parseRotation(certificates, location),
    parseAuthorityPath(certificates.certificate, location),
  )
}
