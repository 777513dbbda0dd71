/** `port-forward`: forwards a local port to the ingress gateway or to one node. */
import { findNode } from '../cassandra/node.ts'
import { requireDatacenter } from '../cassandra/observe-datacenter.ts'
import { observeRouted, recallChoices } from '../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { grantHint } from '../cluster/grant-hint.ts'
import type { Kube } from '../cluster/kube.ts'
import { missingPortForwardVerb } from '../cluster/port-forward-permission.ts'
import { type Dialer, hostPort, podDialer } from '../connection/dialer.ts'
import { tunnelDialer } from '../connection/gateway-tunnel.ts'
import { serveTunnel, type TunnelEvent, type TunnelFigures } from '../connection/local-listener.ts'
import { again, CassSniError, command, type NextStep, throwIfAborted } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import type { WorkflowContext } from './context.ts'

export type { TunnelEvent } from '../connection/local-listener.ts'

export interface PortForwardOptions {
  target: 'gateway' | 'node'
  /** For target node. */
  node?: string | undefined
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  gatewayPort?: number | undefined
  /** Local IP addresses, or "localhost". */
  addresses: string[]
  /** 0 for any free port. */
  port: number
  /** Called once, when the port is open. */
  ready: (forwarding: Forwarding) => void
  /** Called for each connection that opens, closes or fails. */
  connection?: ((event: TunnelEvent) => void) | undefined
}

export interface Forwarding {
  listening: { host: string; port: number }[]
  /** "service/istio-ingressgateway in namespace istio-system, port 9042", "pod/… in namespace …, port 9042". */
  target: string
  /** Known problems that will make connections fail. */
  warnings: { message: string; code?: string; next: NextStep[] }[]
}

/**
 * Forwards until the context's signal aborts; rejects with its reason once all connections are closed.
 * Throws CSNI106 if the port cannot be opened, CSNI203 without permission for pods/portforward, CSNI204, CSNI301,
 * CSNI302, CSNI502 for the target.
 */
export async function portForward(
  { kube, signal }: WorkflowContext,
  options: PortForwardOptions,
): Promise<TunnelFigures> {
  const {
    dialer,
    target,
    warnings = [],
  } = options.target === 'node' ? await toNode(kube, options) : await toGateway(kube, options)
  const { addresses, port } = options
  const tunnel = await serveTunnel({
    listen: { addresses, port },
    dial: dialer.dial,
    signal,
    onEvent: options.connection,
  })
  options.ready({ listening: tunnel.listening, target, warnings })
  await tunnel.done
  throwIfAborted(signal)
  return tunnel.figures()
}

/** Returns the text in kubectl's form: "Forwarding from 127.0.0.1:9042 -> …". */
export function forwardingText({ listening, target }: Forwarding): string {
  return listening.map(({ host, port }) => `Forwarding from ${hostPort(host, port)} -> ${target}\n`).join('')
}

interface Target {
  dialer: Dialer
  target: string
  warnings?: Forwarding['warnings']
}

async function toGateway(kube: Kube, options: PortForwardOptions): Promise<Target> {
  const { namespace } = kube.target
  const [mesh, choices] = await Promise.all([
    observeMesh(kube, { gateway: options.gateway, controlPlanes: false, apis: [] }),
    recallChoices(kube, namespace, options.datacenter),
    checkDatacenter(kube, options),
  ])
  const gateway = await findGateway(kube, mesh, { wanted: options.gateway, remembered: choices })
  const gatewayPort = options.gatewayPort ?? choices.port ?? DEFAULT_GATEWAY_PORT
  await requirePermission(kube, gateway.namespace)
  const named = `service/${gateway.service} in namespace ${gateway.namespace}`
  const isOpen = gateway.ports.some(({ port }) => port === gatewayPort)
  const message = `${named} has no port ${gatewayPort}`
  return {
    dialer: tunnelDialer(kube, gateway, gatewayPort),
    target: `${named}, port ${gatewayPort}`,
    warnings: isOpen ? [] : [{ message, code: 'CSNI822', next: [command`kubectl cass-sni routes sync`] }],
  }
}

/**
 * Throws unless the datacenter exists. The gateway is the same for every namespace, so otherwise a wrong namespace
 * would go unnoticed until a client connects. Skipped without permission to read datacenters.
 */
async function checkDatacenter(kube: Kube, { datacenter }: PortForwardOptions): Promise<void> {
  try {
    await requireDatacenter(kube, { namespace: kube.target.namespace, name: datacenter })
  } catch (error) {
    if (!(error instanceof CassSniError && error.code === 'CSNI203')) throw error
  }
}

async function toNode(kube: Kube, options: PortForwardOptions): Promise<Target> {
  const { namespace } = kube.target
  const { datacenter } = await observeRouted(kube, {
    namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  })
  if (options.node === undefined) {
    throw new CassSniError('CSNI105', 'specify a node with --node', {
      object: `cassandradatacenter/${datacenter.name} in namespace ${namespace}`,
      next: datacenter.nodes.slice(0, 5).map(({ pod }) => again`--node ${pod}`),
    })
  }
  const node = findNode(datacenter, options.node)
  await requirePermission(kube, namespace)
  const dialer = podDialer(kube, { name: node.pod, namespace }, datacenter.nativePort)
  return { dialer, target: dialer.describe }
}

/** Checks the permission up front, rather than when the first client connects. */
async function requirePermission(kube: Kube, namespace: string): Promise<void> {
  const verb = await missingPortForwardVerb(kube, namespace)
  if (verb === undefined) return
  throw new CassSniError('CSNI203', `permission denied: cannot ${verb} pods/portforward in namespace ${namespace}`, {
    object: `pods/portforward in namespace ${namespace}`,
    next: [command`kubectl auth can-i ${verb} pods/portforward -n ${namespace}`, grantHint(namespace, kube.target)],
  })
}
