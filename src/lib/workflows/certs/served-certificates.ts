/** Looks at the certificate that a node serves to clients. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { type Dialer, podDialer } from '../../connection/dialer.ts'
import { gatewayDialer } from '../../connection/gateway-dialer.ts'
import { handshake, type ServedCertificate } from '../../connection/tls.ts'
import { asCassSniError, CassSniError, throwIfAborted } from '../../errors.ts'
import { findGateway, type GatewayWish } from '../../istio/find-gateway.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { WorkflowContext } from '../context.ts'
import type { ShownCertificate } from './certs-options.ts'

/** For one look, in milliseconds. */
const LOOK_MS = 5000

/** What a node serves, or why that cannot be seen. */
export type Look = { served: ShownCertificate } | { trouble: string }

export interface Viewer {
  look(node: CassandraNode): Promise<Look>
}

/**
 * A viewer of the nodes' certificates: over a connection to the pod itself; where that is forbidden, through Istio's
 * ingress gateway.
 * @param authority PEM
 */
export function createViewer(
  context: WorkflowContext,
  dc: Datacenter,
  authority: string,
  { port, ...wish }: GatewayWish & { port: number },
): Viewer {
  const { kube, signal } = context
  let throughGateway: Promise<Dialer> | undefined
  const openGateway = async (): Promise<Dialer> =>
    gatewayDialer(kube, await findGateway(kube, await observeMesh(kube, { gateway: wish.wanted }), wish), { port })

  const see = async ({ dial }: Dialer, serverName: string): Promise<Look> => {
    const { certificate } = await handshake({
      dial,
      serverName,
      ca: authority,
      signal,
      timeoutMs: LOOK_MS,
    })
    return { served: shown(certificate) }
  }
  const fromOutside = async (node: CassandraNode): Promise<Look> => {
    throughGateway ??= openGateway()
    const path = await throughGateway.catch((error: unknown) => {
      // The next look tries the pod again: rights change, and so do gateways.
      throughGateway = undefined
      throw error
    })
    return see(path, node.hostId ?? node.dnsName)
  }
  return {
    async look(node) {
      try {
        if (throughGateway) return await fromOutside(node)
        try {
          return await see(podDialer(kube, { name: node.pod, namespace: dc.namespace }, dc.nativePort), node.dnsName)
        } catch (error) {
          if (error instanceof CassSniError && error.code === 'CSNI203') return await fromOutside(node)
          throw error
        }
      } catch (error) {
        throwIfAborted(signal)
        return { trouble: asCassSniError(error).message }
      }
    },
  }
}

function shown(certificate: ServedCertificate): ShownCertificate {
  return {
    fingerprint256: certificate.fingerprint256,
    names: certificate.names,
    notAfter: certificate.validTo,
    issuer: certificate.issuer,
  }
}
