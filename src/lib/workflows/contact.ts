/** Where clients connect to: gateway address, names of the nodes. Neither CA nor login. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import type { CqlNode } from '../connection/cql-session.ts'
import { type Dialer, givenAddressDialer } from '../connection/dialer.ts'
import { gatewayDialer } from '../connection/gateway-dialer.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import type { WorkflowContext } from './context.ts'
import { reachableNodes } from './cqlsh-session.ts'

export interface ContactChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  /** Of the gateway. */
  port?: number | undefined
  /** "host" or "host:port". */
  address?: string | undefined
}

export interface Contact {
  datacenter: Datacenter
  /** Of the gateway. */
  port: number
  dialer: Dialer
  /** Those that are ready first. */
  nodes: CqlNode[]
}

/**
 * Reads where clients connect to; changes nothing. Throws CSNI301, CSNI303 (no node has a host ID yet), CSNI502,
 * CSNI606 and what reading throws.
 */
export async function observeContact({ kube, emit }: WorkflowContext, choice: ContactChoice): Promise<Contact> {
  const { namespace } = kube.target
  const [{ datacenter, choices }, through] = await Promise.all([
    observeRouted(kube, { namespace, name: choice.datacenter, clusterDomain: choice.clusterDomain, confirm: true }),
    // an address requires no permission to read the gateway
    choice.address ?? observeMesh(kube, { gateway: choice.gateway, controlPlanes: false, apis: [] }),
  ])
  const nodes = reachableNodes(datacenter)
  const port = choice.port ?? choices.port ?? DEFAULT_GATEWAY_PORT
  if (typeof through === 'string') return { datacenter, port, nodes, dialer: givenAddressDialer(through, port) }
  const gateway = await findGateway(kube, through, { wanted: choice.gateway, remembered: choices })
  const dialer = await gatewayDialer(kube, gateway, { port, serverName: nodes[0]?.hostId })
  if (dialer.fallback !== undefined)
    emit({ type: 'warning', message: `gateway unreachable, using a tunnel: ${dialer.fallback}` })
  return { datacenter, port, nodes, dialer }
}
