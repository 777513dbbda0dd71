/** The name of a node that its certificate must have. */
import type { PeerCertificate } from 'node:tls'
import { checkServerIdentity } from 'node:tls'

/**
 * Returns a check of the server's name for TLS connections: the certificate must be valid for the host ID, or for the
 * DNS name of the same node, because certificates of very large datacenters have no host IDs (`certs --names public`).
 * @param dnsNames by host ID
 */
export function nodeIdentity(
  dnsNames: ReadonlyMap<string, string>,
): (hostId: string, certificate: PeerCertificate) => Error | undefined {
  return (hostId, certificate) => {
    const wrong = checkServerIdentity(hostId, certificate)
    const dnsName = dnsNames.get(hostId)
    if (wrong === undefined || dnsName === undefined) return wrong
    return checkServerIdentity(dnsName, certificate) === undefined ? undefined : wrong
  }
}
