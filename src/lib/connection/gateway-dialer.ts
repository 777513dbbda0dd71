/** Connects to the ingress gateway: at its load balancer address, or by a tunnel through the API server. */
import { connect as connectTls } from 'node:tls'
import type { Kube } from '../cluster/kube.ts'
import { grantHint } from '../cluster/grant-hint.ts'
import { missingPortForwardVerb } from '../cluster/port-forward-permission.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { tcpPort } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { systemError } from '../text/system-errors.ts'
import { addressDialer, type Dialer, dialTcp, hostPort } from './dialer.ts'
import { tunnelDialer } from './gateway-tunnel.ts'

/** Time limit for a load balancer address to accept a connection before a tunnel is used. */
const PROBE_MS = 1_500
/** Time limit for the response to a ClientHello. */
const HELLO_MS = 3_000

export interface GatewayDialerOptions {
  /** The port of the gateway's Service. */
  port: number
  /** auto (default): an address that responds, otherwise a tunnel. */
  tunnel?: 'always' | 'auto' | 'never' | undefined
  /** The SNI name that clients will send, used to probe the addresses. */
  serverName?: string | undefined
}

/**
 * Selects how to connect to the gateway. A load balancer address is used if it accepts a TCP connection within 1.5 s
 * and responds to a TLS ClientHello: some load balancers accept connections without a backend. Throws CSNI606 without
 * such an address or permission for a tunnel.
 */
export async function gatewayDialer(
  kube: Kube,
  gateway: IngressGateway,
  options: GatewayDialerOptions,
): Promise<Dialer> {
  const { port, tunnel = 'auto' } = options
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
  const verb = await missingPortForwardVerb(kube, namespace)
  if (verb === undefined) return { ...tunnelDialer(kube, gateway, port), fallback }
  const denied = `no permission to ${verb} pods/portforward in namespace ${namespace}`
  throw new CassSniError('CSNI606', `${nameOf(gateway)} ${addressFault(gateway, fallback)}, and ${denied}`, {
    object: nameOf(gateway),
    next: [
      addressHint(gateway, port),
      command`kubectl auth can-i ${verb} pods/portforward -n ${namespace}`,
      grantHint(namespace, kube.target),
    ],
  })
}

function noAddress(gateway: IngressGateway, port: number, failures: string[]): CassSniError {
  const { namespace, service } = gateway
  return new CassSniError('CSNI606', `${nameOf(gateway)} ${addressFault(gateway, failures.join('; '))}`, {
    object: nameOf(gateway),
    next: [command`kubectl -n ${namespace} get service ${service}`, addressHint(gateway, port)],
  })
}

const nameOf = ({ service, namespace }: IngressGateway) => `service/${service} in namespace ${namespace}`

function addressFault(gateway: IngressGateway, failures: string | undefined): string {
  return gateway.addresses.length === 0 ? 'has no load balancer address' : `is unreachable (${failures ?? ''})`
}

/** A Service of type NodePort or LoadBalancer is reachable at a port of the worker nodes. */
function addressHint(gateway: IngressGateway, port: number): NextStep {
  const nodePort = tcpPort(gateway, port)?.nodePort
  return hint(
    nodePort === undefined
      ? 'set an address of the gateway with --address HOST[:PORT]'
      : `set the address of a worker node with --address HOST:${nodePort} (the gateway's node port)`,
  )
}

/** Returns why an address is unreachable; undefined if it responds. */
async function probe(host: string, port: number, serverName: string | undefined): Promise<string | undefined> {
  let silent: string | undefined
  try {
    const socket = await dialTcp(host, port, PROBE_MS)
    silent = await new Promise<string | undefined>((resolve) => {
      // The session verifies the certificate: nothing is sent over this connection, and it is closed immediately. If
      // the name has no route, Envoy closes the connection, which counts as a response.
      const tls = connectTls({ socket, servername: serverName ?? '', rejectUnauthorized: false })
      const timer = setTimeout(
        () => resolve(`no response to a TLS ClientHello within ${durationText(HELLO_MS)}`),
        HELLO_MS,
      )
      const answered = (): void => {
        clearTimeout(timer)
        resolve(undefined)
      }
      for (const event of ['secureConnect', 'error', 'close'] as const) tls.on(event, answered)
    }).finally(() => socket.destroy())
  } catch (error) {
    return error instanceof CassSniError && error.cause === undefined
      ? `timed out after ${durationText(PROBE_MS)}`
      : systemError(error instanceof CassSniError ? error.cause : error)
  }
  return silent
}
