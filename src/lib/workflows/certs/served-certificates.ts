/** Reads the certificate that a node serves to clients. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { type Dialer, podDialer } from '../../connection/dialer.ts'
import { gatewayDialer } from '../../connection/gateway-dialer.ts'
import { handshake, type ServedCertificate } from '../../connection/tls.ts'
import { asCassSniError, CassSniError, throwIfAborted } from '../../errors.ts'
import { findGateway, type GatewayWish } from '../../istio/find-gateway.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { WorkflowContext } from '../context.ts'
import type { CertificateSummary } from './certs-options.ts'

/** For one node, in milliseconds. */
const READ_TIMEOUT_MS = 5000

/** The certificate that a node serves, or why it cannot be read. */
export type Served = { certificate: CertificateSummary } | { failure: string }

export interface CertificateReader {
  read(node: CassandraNode): Promise<Served>
}

/**
 * Returns a reader of node certificates: through a connection to the pod; if that is forbidden, through Istio's ingress
 * gateway.
 * @param authority PEM
 */
export function createCertificateReader(
  context: WorkflowContext,
  dc: Datacenter,
  authority: string,
  { port, ...wish }: GatewayWish & { port: number },
): CertificateReader {
  const { kube, signal } = context
  let gateway: Promise<Dialer> | undefined
  const openGateway = async (): Promise<Dialer> => {
    const mesh = await observeMesh(kube, { gateway: wish.wanted, controlPlanes: false, apis: [] })
    return gatewayDialer(kube, await findGateway(kube, mesh, wish), { port })
  }

  const readBy = async ({ dial }: Dialer, serverName: string): Promise<Served> => {
    const { certificate } = await handshake({
      dial,
      serverName,
      ca: authority,
      signal,
      timeoutMs: READ_TIMEOUT_MS,
    })
    return { certificate: summaryOf(certificate) }
  }
  const readThroughGateway = async (node: CassandraNode): Promise<Served> => {
    gateway ??= openGateway()
    const dialer = await gateway.catch((error: unknown) => {
      // Try the pod again next time: permissions and gateways change.
      gateway = undefined
      throw error
    })
    return readBy(dialer, node.hostId ?? node.dnsName)
  }
  return {
    async read(node) {
      try {
        if (gateway) return await readThroughGateway(node)
        try {
          return await readBy(podDialer(kube, { name: node.pod, namespace: dc.namespace }, dc.nativePort), node.dnsName)
        } catch (error) {
          if (error instanceof CassSniError && error.code === 'CSNI203') return await readThroughGateway(node)
          throw error
        }
      } catch (error) {
        throwIfAborted(signal)
        return { failure: asCassSniError(error).message }
      }
    },
  }
}

function summaryOf(certificate: ServedCertificate): CertificateSummary {
  return {
    fingerprint256: certificate.fingerprint256,
    names: certificate.names,
    notAfter: certificate.validTo,
    issuer: certificate.issuer,
  }
}
