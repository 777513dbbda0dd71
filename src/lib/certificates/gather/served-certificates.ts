/** Reads the certificates that nodes serve to clients. */
import pLimit from 'p-limit'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { type Dialer, podDialer } from '../../connection/dialer.ts'
import { gatewayDialer } from '../../connection/gateway-dialer.ts'
import { handshake, type ServedCertificate } from '../../connection/tls.ts'
import type { Kube } from '../../cluster/kube.ts'
import { asCassSniError, CassSniError, throwIfAborted } from '../../errors.ts'
import { findGateway, type GatewayWish } from '../../istio/find-gateway.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'

/** For one node, in milliseconds. */
const READ_TIMEOUT_MS = 5000

/** Nodes to read or reload concurrently: each takes a tunnel or a command through the API server. */
export const MAX_CONCURRENT_NODES = 8

/** The fields of a certificate that results include. */
export interface CertificateSummary {
  fingerprint256: string
  names: string[]
  /** ISO 8601. */
  notAfter: string
  issuer: string
}

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
  { kube, signal }: { kube: Kube; signal: AbortSignal },
  dc: Datacenter,
  authority: string,
  { port, ...wish }: GatewayWish & { port: number },
): CertificateReader {
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

/** Returns whether Cassandra runs on the node, ready or not, so that it serves a certificate or is about to. */
export function runsCassandra({ state, terminating }: CassandraNode): boolean {
  return (state === 'Started' || state === 'Started-not-Ready') && !terminating
}

/** Reads what each node serves that runs Cassandra, a few at a time; by pod. */
export async function readServed(
  reader: CertificateReader,
  nodes: readonly CassandraNode[],
): Promise<Map<string, Served>> {
  const limit = pLimit(MAX_CONCURRENT_NODES)
  const running = nodes.filter(runsCassandra)
  return new Map(
    await Promise.all(running.map((node) => limit(async () => [node.pod, await reader.read(node)] as const))),
  )
}

function summaryOf(certificate: ServedCertificate): CertificateSummary {
  return {
    fingerprint256: certificate.fingerprint256,
    names: certificate.names,
    notAfter: certificate.validTo,
    issuer: certificate.issuer,
  }
}
