/**
 * How a client outside gets to the ingress gateway: its load balancer's address, or a tunnel through the API server.
 */
import { connect as connectTls } from 'node:tls'
import type { Kube } from '../cluster/kube.ts'
import { lackingForPortForward } from '../cluster/port-forward-permission.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { tcpPort } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { systemError } from '../text/system-errors.ts'
import { addressDialer, type Dialer, dialTcp, hostPort, parseAddress } from './dialer.ts'
import { tunnelDialer } from './gateway-tunnel.ts'

/** How long a load balancer's address may take to accept a connection before the tunnel is taken instead. */
const PROBE_MS = 1_500
/** How long a ClientHello may stay without an answer. */
const HELLO_MS = 3_000

export interface GatewayDialerOptions {
  /** The gateway's port: that of its Service. */
  port: number
  /** "host" or "host:port", "[v6]:port": taken as it is, never replaced by a tunnel. */
  address?: string | undefined
  /** auto (default): an address that answers, else a tunnel. */
  tunnel?: 'always' | 'auto' | 'never' | undefined
  /** The name that a client will send as SNI: the addresses are tried with it. */
  serverName?: string | undefined
}

/**
 * Chooses the way to the gateway. An address of the load balancer counts when it accepts a TCP connection within 1.5 s
 * and does not leave a TLS ClientHello without an answer: some load balancers accept with nothing behind them.
 * Throws CSNI606 when there is neither such an address nor permission to make a tunnel, CSNI101 for an address that is
 * none.
 */
export async function gatewayDialer(
  kube: Kube,
  gateway: IngressGateway,
  options: GatewayDialerOptions,
): Promise<Dialer> {
  const { port, address, tunnel = 'auto' } = options
  if (address !== undefined) {
    const given = parseAddress(address, port)
    return addressDialer(given.host, given.port)
  }
  if (tunnel === 'always') return permitted(kube, gateway, port, undefined)
  const failures: string[] = []
  const probes = gateway.addresses.map((host) => probe(host, port, options.serverName))
  for (const [index, host] of gateway.addresses.entries()) {
    const failure = await probes[index]
    if (failure === undefined) return addressDialer(host, port)
    failures.push(`${hostPort(host, port)}: ${failure}`)
  }
  if (tunnel === 'never') throw noAddress(gateway, port, failures)
  const fallback = failures.length === 0 ? undefined : failures.join('; ')
  return permitted(kube, gateway, port, fallback)
}

async function permitted(
  kube: Kube,
  gateway: IngressGateway,
  port: number,
  fallback: string | undefined,
): Promise<Dialer> {
  const { namespace } = gateway
  const verb = await lackingForPortForward(kube, namespace)
  if (verb === undefined) return { ...tunnelDialer(kube, gateway, port), fallback }
  const may = `you may not ${verb} pods/portforward in namespace ${namespace}`
  throw new CassSniError('CSNI606', `the gateway ${addressFault(gateway, fallback)}, and ${may}`, {
    object: nameOf(gateway),
    next: [addressHint(gateway, port), command`kubectl auth can-i ${verb} pods/portforward -n ${namespace}`],
  })
}

function noAddress(gateway: IngressGateway, port: number, failures: string[]): CassSniError {
  const { namespace, service } = gateway
  return new CassSniError('CSNI606', `the gateway ${addressFault(gateway, failures.join('; '))}`, {
    object: nameOf(gateway),
    next: [command`kubectl -n ${namespace} get service ${service}`, addressHint(gateway, port)],
  })
}

const nameOf = ({ service, namespace }: IngressGateway) => `service/${service} in namespace ${namespace}`

function addressFault(gateway: IngressGateway, failures: string | undefined): string {
  return gateway.addresses.length === 0 ? 'has no load balancer address' : `does not answer at ${failures ?? ''}`
}

/** A port of the worker nodes leads to every Service of type NodePort or LoadBalancer. */
function addressHint(gateway: IngressGateway, port: number): NextStep {
  const nodePort = tcpPort(gateway, port)?.nodePort
  return hint(
    nodePort === undefined
      ? 'name an address that leads to the gateway: --address HOST[:PORT]'
      : `name an address of a worker node, where the gateway has port ${nodePort}: --address HOST:${nodePort}`,
  )
}

/** Why an address does not lead to a gateway; undefined when something answers there. */
async function probe(host: string, port: number, serverName: string | undefined): Promise<string | undefined> {
  let silent: string | undefined
  try {
    const socket = await dialTcp(host, port, PROBE_MS)
    silent = await new Promise<string | undefined>((resolve) => {
      // Whether the certificate verifies is decided by the session: nothing is sent over this connection, and it is
      // closed at once. A name without a route is closed by Envoy, which is an answer.
      const tls = connectTls({ socket, servername: serverName ?? '', rejectUnauthorized: false })
      const timer = setTimeout(() => resolve(`no answer to a TLS ClientHello within ${HELLO_MS / 1000} s`), HELLO_MS)
      const answered = (): void => {
        clearTimeout(timer)
        resolve(undefined)
      }
      for (const event of ['secureConnect', 'error', 'close'] as const) tls.on(event, answered)
    }).finally(() => socket.destroy())
  } catch (error) {
    return error instanceof CassSniError && error.cause === undefined
      ? `no answer within ${PROBE_MS / 1000} s`
      : systemError(error instanceof CassSniError ? error.cause : error)
  }
  return silent
}
