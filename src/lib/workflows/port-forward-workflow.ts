/** `port-forward`: forwards local ports to the ingress gateway or to nodes. */
import { findNode } from '../cassandra/node.ts'
import { requireDatacenter } from '../cassandra/observe-datacenter.ts'
import { observeRouted, recallChoices } from '../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { grantHint } from '../cluster/grant-hint.ts'
import type { Kube } from '../cluster/kube.ts'
import { missingPortForwardVerb } from '../cluster/port-forward-permission.ts'
import { type Dial, givenAddressDialer, hostPort, podDialer } from '../connection/dialer.ts'
import { tunnelDialer } from '../connection/gateway-tunnel.ts'
import { serveTunnel, type ServingTunnel, type TunnelEvent, type TunnelFigures } from '../connection/local-listener.ts'
import { again, CassSniError, command, type NextStep, throwIfAborted } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import type { WorkflowContext } from './context.ts'
import { type ForwardedNode, sniForwards } from './port-forward/sni-forwards.ts'

export type { TunnelEvent } from '../connection/local-listener.ts'

export interface PortForwardOptions {
  target: 'gateway' | 'node'
  /** For target gateway: clients use no TLS; their connections go out as verified TLS with SNI (see sniForwards). */
  sni?: string | undefined
  /** With `sni`: PEM file of the CA. */
  caFile?: string | undefined
  /** With `sni`: connects to the gateway at this address ("host" or "host:port") instead of through a tunnel. */
  gatewayAddress?: string | undefined
  /** For target node. */
  node?: string | undefined
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  gatewayPort?: number | undefined
  /** Local IP addresses, or "localhost". */
  addresses: string[]
  /** 0 for any free port. With `sni: 'all'`, the first of consecutive ports. */
  port: number
  /** Called once, when all ports are open. Forwarding ends when the promise settles, if there is one. */
  ready: (forwarding: Forwarding) => undefined | Promise<void>
  /** Called for each connection that opens, closes or fails. */
  connection?: ((event: TunnelEvent) => void) | undefined
}

export interface Forwarding {
  listening: { host: string; port: number }[]
  /** For `sni`, except any: the node behind each port. */
  nodes?: (ForwardedNode & { port: number })[] | undefined
  /** "service/istio-ingressgateway in namespace istio-system, port 9042", "pod/… in namespace …, port 9042". */
  target: string
  /** Known problems that will make connections fail. */
  warnings: { message: string; code?: string; next: NextStep[] }[]
}

/**
 * Forwards until the context's signal aborts or `ready` is done; after an abort, rejects with its reason once all
 * connections are closed.
 * Throws CSNI106 if the port cannot be opened, CSNI203 without permission for pods/portforward, CSNI204, CSNI301,
 * CSNI302, CSNI502 for the target.
 */
export async function portForward(context: WorkflowContext, options: PortForwardOptions): Promise<TunnelFigures> {
  const { forwards, target, warnings = [] } = await forwardsOf(context, options)
  const { signal } = context
  const { addresses, port } = options
  const stop = new AbortController()
  const tunnels: ServingTunnel[] = []
  try {
    for (const [index, { dial }] of forwards.entries()) {
      const tunnel = await serveTunnel({
        listen: { addresses, port: port === 0 ? 0 : port + index },
        dial,
        signal: AbortSignal.any([signal, stop.signal]),
        onEvent: options.connection,
      })
      tunnels.push(tunnel)
    }
    const nodes = forwards.flatMap(({ node }, index) => {
      const [first] = tunnels[index]?.listening ?? []
      return node === undefined || first === undefined ? [] : [{ ...node, port: first.port }]
    })
    const listening = tunnels.flatMap((tunnel) => tunnel.listening)
    const ready = { listening, nodes: nodes.length === 0 ? undefined : nodes, target, warnings }
    await (options.ready(ready) ?? Promise.all(tunnels.map((tunnel) => tunnel.done)))
  } finally {
    stop.abort(new CassSniError('CSNI902', 'forwarding has ended'))
    await Promise.all(tunnels.map((tunnel) => tunnel.done))
  }
  throwIfAborted(signal)
  return sum(tunnels.map((tunnel) => tunnel.figures()))
}

function sum(figures: TunnelFigures[]): TunnelFigures {
  const total: TunnelFigures = { total: 0, active: 0, refused: 0, sent: 0, received: 0 }
  for (const each of figures) for (const key of Object.keys(total) as (keyof TunnelFigures)[]) total[key] += each[key]
  return total
}

/** Returns the text in kubectl's form: "Forwarding from 127.0.0.1:9042 -> …". */
export function forwardingText({ listening, nodes, target }: Forwarding): string {
  return listening
    .map(({ host, port }) => {
      const node = nodes?.find((each) => each.port === port)
      const to = node === undefined ? target : `node ${node.pod} through ${target}`
      return `Forwarding from ${hostPort(host, port)} -> ${to}\n`
    })
    .join('')
}

interface Target {
  forwards: { dial: Dial; node?: ForwardedNode | undefined }[]
  target: string
  warnings?: Forwarding['warnings']
}

async function forwardsOf(context: WorkflowContext, options: PortForwardOptions): Promise<Target> {
  const { kube } = context
  const { sni, gatewayAddress } = options
  if (options.target === 'node') return toNode(kube, options)
  if (sni === undefined) return toGateway(kube, options)
  const gateway: Promise<Target> =
    gatewayAddress === undefined ? toGateway(kube, options) : toAddress(kube, gatewayAddress, options)
  // reported when it is awaited
  gateway.catch(() => undefined)
  const dial: Dial = async (to) => ((await gateway).forwards[0] as { dial: Dial }).dial(to)
  const forwards = await sniForwards(context, { ...options, sni }, dial)
  return { ...(await gateway), forwards }
}

/** An address requires no permission to read the gateway or to open a tunnel. */
async function toAddress(kube: Kube, address: string, options: PortForwardOptions): Promise<Target> {
  const choices = await recallChoices(kube, kube.target.namespace, options.datacenter)
  const dialer = givenAddressDialer(address, options.gatewayPort ?? choices.port ?? DEFAULT_GATEWAY_PORT)
  return { forwards: [dialer], target: `the gateway at ${dialer.describe}` }
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
    forwards: [tunnelDialer(kube, gateway, gatewayPort)],
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
  return { forwards: [dialer], target: dialer.describe }
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
