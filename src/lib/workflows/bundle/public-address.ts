/** What drivers find at a bundle's public name: its addresses, and the metadata service. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { METADATA_STATUS, NO_REPLICA } from '../../checks/metadata-checks.ts'
import type { Probes } from '../../checks/probes.ts'
import type { ClientIdentity } from '../../connection/client-identity.ts'
import { hostPort } from '../../connection/dialer.ts'
import { type ContactInfo, requestMetadata } from '../../connection/metadata-request.ts'
import { tcpPort } from '../../istio/gateways.ts'
import type { IngressGateway } from '../../istio/mesh.ts'
import { again, asCassSniError, type CassSniError, command, hint, throwIfAborted } from '../../errors.ts'
import type { Warning } from '../../events.ts'
import { listed } from '../../text/listed.ts'
import { systemError } from '../../text/system-errors.ts'
import type { WorkflowContext } from '../context.ts'

interface PublicAddress {
  host: string
  port: number
  /** PEM. */
  ca: string
  /** Presented if the service requests a certificate. */
  client: ClientIdentity | undefined
}

/** Sends the request of drivers to the metadata service. Throws what `requestMetadata` throws. */
export async function askMetadata(
  probes: Probes,
  { host, port, ca, client }: PublicAddress,
  signal: AbortSignal,
): Promise<ContactInfo> {
  const { dial } = await probes.dialer()
  return requestMetadata({ dial, serverName: host, port, ca, client, signal })
}

/**
 * Warns of everything that keeps drivers from connecting to the public name. Returns whether the metadata service
 * responds; undefined for an IP address, which it cannot have.
 */
export async function warnOfPublicAddress(
  { emit, signal }: Pick<WorkflowContext, 'emit' | 'signal'>,
  probes: Probes,
  address: PublicAddress,
): Promise<boolean | undefined> {
  const { host, port } = address
  const warn = (warning: Warning) => emit({ type: 'warning', ...warning })
  if (isIP(host) !== 0) {
    warn(addressWarning(host))
    return undefined
  }
  const gateway = await probes.gateway()
  const unresolved = await resolutionFault(host, gateway.addresses)
  if (unresolved !== undefined) warn({ message: unresolved })
  const unmapped = nodePortWarning(gateway, probes.port, port)
  if (unmapped !== undefined) warn(unmapped)
  try {
    const info = await askMetadata(probes, address, signal)
    const fault = metadataFault(info, { host, port, localDatacenter: probes.datacenter.cassandraName })
    if (fault !== undefined) warn({ code: 'CSNI611', message: fault })
    return true
  } catch (error) {
    throwIfAborted(signal)
    const { message, next } = withoutService(host, probes.metadataName, asCassSniError(error))
    warn({ code: 'CSNI611', message: `drivers cannot use the bundle yet: ${message}`, next })
    return false
  }
}

/** Java and Node.js as tried in the lab; SNI has no IP addresses (RFC 6066, 3). */
function addressWarning(address: string): Warning {
  return {
    message:
      `${address} is an IP address: drivers send no SNI for it, so the gateway cannot route their metadata request. ` +
      'Java verifies the name of its PTR record if there is one, Node.js requires the address as a DNS name in the ' +
      'certificate, Python verifies nothing',
    next: [hint('use a DNS name with --public-name')],
  }
}

/** Without a load balancer, clients reach the gateway at its node port, unless something else maps the port. */
function nodePortWarning(gateway: IngressGateway, port: number, publicPort: number): Warning | undefined {
  const nodePort = tcpPort(gateway, port)?.nodePort
  if (gateway.addresses.length > 0 || publicPort !== port || nodePort === undefined) return undefined
  const name = `service/${gateway.service} in namespace ${gateway.namespace}`
  return {
    message: `${name} has no load balancer address; clients reach port ${port} at node port ${nodePort}`,
    next: [again`--public-port ${nodePort}`],
  }
}

/** Returns why drivers do not reach the gateway by the name, as seen from here; undefined if they do. */
export async function resolutionFault(host: string, addresses: readonly string[]): Promise<string | undefined> {
  try {
    const found = (await lookup(host, { all: true })).map(({ address }) => address)
    const known = addresses.filter((each) => isIP(each) !== 0)
    if (known.length === 0 || found.some((each) => known.includes(each))) return undefined
    return `${host} resolves to ${listed(found)} here, not to the gateway's address (${listed(known)})`
  } catch (error) {
    const reason = systemError(error)
    return `${host} does not resolve here (${reason}): drivers require a DNS record with the gateway's address`
  }
}

/** Returns how the metadata differs from the bundle. */
export function metadataFault(
  { sniProxyAddress, localDatacenter }: ContactInfo,
  expected: { host: string; port: number; localDatacenter: string },
): string | undefined {
  const address = hostPort(expected.host, expected.port)
  if (sniProxyAddress !== address)
    return `the metadata service sends drivers to ${sniProxyAddress} instead of ${address}`
  return localDatacenter === expected.localDatacenter
    ? undefined
    : `the metadata service is that of datacenter ${localDatacenter} instead of ${expected.localDatacenter}`
}

/**
 * Without a route for the name, the service is not installed.
 * @param installed the name of the installed service
 */
export function withoutService(
  host: string,
  installed: string | undefined,
  error: CassSniError,
): Pick<Warning, 'message' | 'next'> {
  if (error.code === 'CSNI603' && host === installed)
    return { message: `metadata service ${host}: ${NO_REPLICA}`, next: [METADATA_STATUS] }
  return error.code === 'CSNI603'
    ? {
        message: `no metadata service at ${host}: the gateway has no route for this name`,
        next: [command`kubectl cass-sni routes controller install --metadata-name ${host}`],
      }
    : { message: error.message, next: error.next }
}
