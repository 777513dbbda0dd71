/** Reads the CAs that the nodes and clients of a datacenter must trust. */
import { authorityLocation, readAuthorityCertificate } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { Kube } from '../../cluster/kube.ts'
import type { Authorities } from '../authority-path.ts'
import { parseAuthorityPath } from '../certificate-authority.ts'

/**
 * Returns the CAs of a datacenter; the first one signs its certificates. Never reads a private key.
 * @throws CSNI204 if the Secret is missing, CSNI401 if it has no CA certificate, CSNI203 without permission to read
 * Secrets
 */
export async function readAuthorities(kube: Kube, dc: Datacenter): Promise<Authorities> {
  return [parseAuthorityPath(await readAuthorityCertificate(kube, dc), authorityLocation(dc))]
}
