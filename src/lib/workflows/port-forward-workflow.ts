/** A local port for CQL clients: to the ingress gateway's pods, or to one node's own pod. */
import { findNode } from '../cassandra/node.ts'
import { requireDatacenter } from '../cassandra/observe-datacenter.ts'
import { observeRouted, recallChoices } from '../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/route-plan.ts'
import type { Kube } from '../cluster/kube.ts'
import { lackingForPortForward } from '../cluster/port-forward-permission.ts'
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
  /** IP addresses or "localhost". */
  addresses: string[]
  /** 0 for any. */
  port: number
  /** Called once, when it listens. */
  ready: (forwarding: Forwarding) => void
  /** Called for each connection that opens, closes or cannot be served. */
  connection?: ((event: TunnelEvent) => void) | undefined
}

export interface Forwarding {
  listening: { host: string; port: number }[]
  /** "service/istio-ingressgateway in namespace istio-system, port 9042", "pod/… in namespace …, port 9042". */
  target: string
  /** What will keep it from working, as far as it can be seen beforehand. */
  warnings: { message: string; code?: string; next: NextStep[] }[]
}

/**
 * Forwards until the context's signal ends it, then rejects with its reason when no connection is left.
 * Throws CSNI106 when it cannot listen, CSNI203 without permission for pods/portforward, CSNI204, CSNI301, CSNI302,
 * CSNI502 for the target.
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

/** As kubectl words it: "Forwarding from 127.0.0.1:9042 -> …". */
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
    observeMesh(kube, { gateway: options.gateway }),
    recallChoices(kube, namespace, options.datacenter),
    checkPlace(kube, options),
  ])
  const gateway = await findGateway(kube, mesh, { wanted: options.gateway, remembered: choices })
  const gatewayPort = options.gatewayPort ?? choices.port ?? DEFAULT_GATEWAY_PORT
  await needRight(kube, gateway.namespace)
  const named = `service/${gateway.service} in namespace ${gateway.namespace}`
  const there = gateway.ports.some(({ port }) => port === gatewayPort)
  const message = `${named} has no port ${gatewayPort}`
  return {
    dialer: tunnelDialer(kube, gateway, gatewayPort),
    target: `${named}, port ${gatewayPort}`,
    warnings: there ? [] : [{ message, code: 'CSNI822', next: [command`kubectl cass-sni routes sync`] }],
  }
}

/**
 * The gateway is the same for every namespace, so a wrong one would show only at the client: the datacenter has to
 * exist. Without permission to look, it is not checked.
 */
async function checkPlace(kube: Kube, { datacenter }: PortForwardOptions): Promise<void> {
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
    throw new CassSniError('CSNI105', 'which node is meant has to be named', {
      object: `cassandradatacenter/${datacenter.name} in namespace ${namespace}`,
      next: datacenter.nodes.slice(0, 5).map(({ pod }) => again`--node ${pod}`),
    })
  }
  const node = findNode(datacenter, options.node)
  await needRight(kube, namespace)
  const dialer = podDialer(kube, { name: node.pod, namespace }, datacenter.nativePort)
  return { dialer, target: dialer.describe }
}

/** Asked for at once, for it would else come up only with the first client. */
async function needRight(kube: Kube, namespace: string): Promise<void> {
  const verb = await lackingForPortForward(kube, namespace)
  if (verb === undefined) return
  throw new CassSniError('CSNI203', `you may not ${verb} pods/portforward in namespace ${namespace}`, {
    object: `pods/portforward in namespace ${namespace}`,
    next: [command`kubectl auth can-i ${verb} pods/portforward -n ${namespace}`],
  })
}
