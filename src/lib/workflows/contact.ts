/** Where clients connect to: gateway address, names of the nodes. Neither CA nor login. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'
import { findNode } from '../cassandra/node.ts'
import type { CqlNode } from '../connection/cql-session.ts'
import { type Dialer, givenAddressDialer } from '../connection/dialer.ts'
import { gatewayDialer } from '../connection/gateway-dialer.ts'
import { CassSniError, command } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { type Choices, DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { observeRouted, type Routed } from '../routes/gather.ts'
import type { WorkflowContext } from './context.ts'

export interface ContactChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** One node only (pod name, host ID or ordinal). */
  node?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  /** Of the gateway. */
  port?: number | undefined
  /** "host" or "host:port". */
  address?: string | undefined
  /** Default auto. */
  tunnel?: 'always' | 'auto' | 'never' | undefined
}

export interface Contact {
  datacenter: Datacenter
  /** Of the gateway. */
  port: number
  /** Settles while other things are read. */
  dialer: Promise<Dialer>
  /** Those that are ready first. */
  nodes: CqlNode[]
  /** The node of the choice. */
  target?: CqlNode | undefined
  /** The API of the existing routes. */
  api?: Choices['api']
}

export interface ContactReading {
  /** As soon as the datacenter is known. */
  routed: Promise<Routed>
  contact: Promise<Contact>
}

/**
 * Reads where clients connect to; changes nothing. The promises reject with CSNI301/302 (datacenter, node), CSNI303 (no
 * node can be reached yet), CSNI306 (no client TLS), CSNI502, CSNI606 and what reading throws.
 */
export function observeContact(context: WorkflowContext, choice: ContactChoice): ContactReading {
  const { kube } = context
  const routed = observeRouted(kube, {
    namespace: kube.target.namespace,
    clusterDomain: choice.clusterDomain,
    name: choice.datacenter,
    // drivers read the others' host IDs from Cassandra
    confirm: choice.node !== undefined,
  })
  return { routed, contact: contactOf(context, choice, routed) }
}

async function contactOf(
  { kube, emit }: WorkflowContext,
  choice: ContactChoice,
  routed: Promise<Routed>,
): Promise<Contact> {
  const [{ datacenter, choices }, through] = await Promise.all([
    routed,
    // an address requires no permission to read the gateway
    choice.address ?? observeMesh(kube, { gateway: choice.gateway, controlPlanes: false, apis: [] }),
  ])
  requireClientTls(datacenter)
  const target = choice.node === undefined ? undefined : reachable(datacenter, findNode(datacenter, choice.node))
  const nodes = target === undefined ? reachableNodes(datacenter) : [target]
  const port = choice.port ?? choices.port ?? DEFAULT_GATEWAY_PORT
  const known = { datacenter, port, nodes, target, api: choices.api }
  if (typeof through === 'string') return { ...known, dialer: Promise.resolve(givenAddressDialer(through, port)) }
  const gateway = await findGateway(kube, through, { wanted: choice.gateway, remembered: choices })
  const options = { port, tunnel: choice.tunnel, serverName: nodes[0]?.hostId }
  const dialer = gatewayDialer(kube, gateway, options).then((found) => {
    if (found.fallback !== undefined)
      emit({ type: 'warning', message: `gateway unreachable, connecting through a tunnel: ${found.fallback}` })
    return found
  })
  // reported when it is awaited
  dialer.catch(() => undefined)
  return { ...known, dialer }
}

/** Without permission to read the Secret of the configuration, the handshake decides. */
function requireClientTls({ name, namespace, configurationHidden, clientEncryption }: Datacenter): void {
  if (configurationHidden !== undefined || clientEncryption.enabled) return
  throw new CassSniError(
    'CSNI306',
    `datacenter ${name}: client encryption is disabled (client_encryption_options.enabled); SNI requires TLS`,
    {
      object: `cassandradatacenter/${name} in namespace ${namespace}`,
      next: [command`kubectl get cassandradatacenter ${name} -n ${namespace} -o jsonpath='{.spec.config}'`],
    },
  )
}

function reachable(datacenter: Datacenter, node: CassandraNode): CqlNode {
  if (node.hostId !== undefined && !node.replacing) return { hostId: node.hostId, dnsName: node.dnsName }
  throw notReady(
    datacenter,
    `node ${node.pod} has no host ID yet${node.waiting === undefined ? '' : ` (${node.waiting})`} and cannot be ` +
      'reached by SNI',
  )
}

/** Nodes in an order of preference: those that are ready first. */
function reachableNodes(datacenter: Datacenter): CqlNode[] {
  const ready = (node: CassandraNode): number => (node.ready && !node.terminating ? 0 : 1)
  const nodes = datacenter.nodes
    .toSorted((a, b) => ready(a) - ready(b))
    .flatMap((node) =>
      node.hostId === undefined || node.replacing ? [] : [{ hostId: node.hostId, dnsName: node.dnsName }],
    )
  if (nodes.length > 0) return nodes
  throw notReady(datacenter, `datacenter ${datacenter.name}: no node has a host ID yet`)
}

function notReady(datacenter: Datacenter, message: string): CassSniError {
  return new CassSniError('CSNI303', message, {
    object: `cassandradatacenter/${datacenter.name} in namespace ${datacenter.namespace}`,
    next: [
      command`kubectl get pods -n ${datacenter.namespace} -l cassandra.datastax.com/datacenter=${datacenter.name}`,
      command`kubectl cass-sni verify`,
    ],
  })
}
