/**
 * How a client outside gets to the ingress gateway: its load balancer's address, or a tunnel through the API server.
 */
import { connect as connectTcp, isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { POD, SERVICE } from '../cluster/resources.ts'
import { again, CassSniError, command, hint } from '../errors.ts'
import type { IngressGateway } from '../istio/mesh.ts'

/** How long a load balancer's address may take to accept a connection before the tunnel is taken instead. */
const PROBE_MS = 1_500
const CONNECT_MS = 10_000
/** A list of gateway pods is good for the connections of this long: a driver opens a dozen at once. */
const PODS_FRESH_MS = 1_000

/**
 * A way to a port of the gateway (or of a node). Every `open` is a TCP connection of its own, without TLS on it yet.
 */
export interface Path {
  /**
   * For people: "10.200.1.10:9042" or "tunnel to service/istio-ingressgateway in namespace istio-system, port 9042".
   */
  describe: string
  /** Present when it goes straight to an address, which other programs on this machine can use as well. */
  address?: { host: string; port: number }
  open(): Promise<Duplex>
}

export interface GatewayPathOptions {
  /** The gateway's port: that of its Service. */
  port: number
  /** "host" or "host:port", "[v6]:port": taken as it is, never replaced by a tunnel. */
  address?: string
  /** auto (default): an address that answers, else a tunnel. */
  tunnel?: 'always' | 'auto' | 'never'
}

/**
 * Chooses the way to the gateway. An address of the load balancer counts when it accepts a TCP connection within 1.5 s.
 * Throws CSNI606 when there is neither such an address nor the right to make a tunnel, CSNI101 for an address that is
 * none.
 */
export async function gatewayPath(kube: Kube, gateway: IngressGateway, options: GatewayPathOptions): Promise<Path> {
  const { port, address, tunnel = 'auto' } = options
  if (address !== undefined) {
    const given = parseAddress(address, port)
    return addressPath(given.host, given.port)
  }
  const named = `service/${gateway.service} in namespace ${gateway.namespace}`
  if (tunnel !== 'always') {
    const answering = await firstAnswering(gateway.addresses, port)
    if (answering !== undefined) return addressPath(answering, port)
    if (tunnel === 'never') {
      const tried = gateway.addresses.map((host) => hostPort(host, port)).join(', ')
      const why = tried === '' ? 'has no load balancer address' : `does not answer at ${tried}`
      throw new CassSniError('CSNI606', `the gateway ${why}`, {
        object: named,
        next: [command`kubectl -n ${gateway.namespace} get service ${gateway.service}`],
      })
    }
  }
  if (!(await kube.can('create', POD, gateway.namespace, 'portforward'))) {
    const tried =
      gateway.addresses.length === 0
        ? 'has no load balancer address'
        : `does not answer at ${gateway.addresses.join(', ')}`
    throw new CassSniError(
      'CSNI606',
      `the gateway ${tried}, and you may not create pods/portforward in namespace ${gateway.namespace}`,
      {
        object: named,
        next: [
          hint('name an address that leads to the gateway: --address HOST[:PORT]'),
          command`kubectl auth can-i create pods/portforward -n ${gateway.namespace}`,
        ],
      },
    )
  }
  return tunnelPath(kube, gateway, port)
}

/**
 * Through the API server to a ready pod of the gateway, chosen afresh for each connection. Does not ask for the right
 * to.
 */
export function tunnelPath(kube: Kube, gateway: IngressGateway, port: number): Path {
  const pods = gatewayPods(kube, gateway)
  let turn = 0
  return {
    describe: `tunnel to service/${gateway.service} in namespace ${gateway.namespace}, port ${port}`,
    async open() {
      // A pod that was ready a moment ago may be gone: the list is read again before giving up.
      let failure: unknown
      for (const fresh of [false, true]) {
        const ready = await pods(fresh)
        turn += 1
        for (const index of ready.keys()) {
          const pod = ready[(index + turn) % ready.length]
          if (pod === undefined) continue
          try {
            return await kube.connect(
              { name: pod.metadata.name, namespace: gateway.namespace },
              targetPort(gateway, pod, port),
            )
          } catch (error) {
            failure = error
          }
        }
      }
      if (failure !== undefined) throw failure
      throw new CassSniError('CSNI601', 'no pod of the gateway is ready', {
        object: `service/${gateway.service} in namespace ${gateway.namespace}`,
        next: [command`kubectl -n ${gateway.namespace} get pods -l ${labelSelector(gateway.selector)}`],
      })
    },
  }
}

/**
 * Through the API server to one pod's own port: a Cassandra node. The pod is found by name each time, so it may be
 * replaced.
 */
export function podPath(kube: Kube, pod: { name: string; namespace: string }, port: number): Path {
  return {
    describe: `pod/${pod.name} in namespace ${pod.namespace}, port ${port}`,
    open: () => kube.connect(pod, port),
  }
}

/** Straight to a host's port. */
export function addressPath(host: string, port: number): Path {
  return {
    describe: hostPort(host, port),
    address: { host, port },
    open: () => openTcp(host, port, CONNECT_MS),
  }
}

/** "host", "host:port", "[::1]:port", "::1". Throws CSNI101 for anything else. */
export function parseAddress(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^\s:/[\]@]+))(?::(?<port>\d{1,5}))?$/i.exec(text)
  const v6 = isIPv6(text) ? text : match?.groups?.v6
  const host = v6 !== undefined && !isIPv6(v6) ? undefined : (v6 ?? match?.groups?.name)
  const port = Number(match?.groups?.port ?? defaultPort)
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CassSniError('CSNI101', `"${text}" is not an address: HOST or HOST:PORT is wanted`, {
      next: [again`--address 203.0.113.7:9042`],
    })
  }
  return { host, port }
}

export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

async function firstAnswering(addresses: string[], port: number): Promise<string | undefined> {
  const answers = await Promise.all(
    addresses.map((host) =>
      openTcp(host, port, PROBE_MS).then(
        (socket) => {
          socket.destroy()
          return true
        },
        () => false,
      ),
    ),
  )
  return addresses.find((_, index) => answers[index])
}

function openTcp(host: string, port: number, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string, cause?: unknown) => {
      socket.destroy()
      reject(
        new CassSniError('CSNI601', `cannot connect to ${hostPort(host, port)}: ${why}`, {
          next: [command`kubectl cass-sni verify`, hint('go through the API server instead: --tunnel')],
          cause,
        }),
      )
    }
    const socket = connectTcp({ host, port, noDelay: true })
    const timer = setTimeout(() => refuse(`no answer within ${timeoutMs / 1000} s`), timeoutMs)
    const failed = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      refuse(connectFault(error), error)
    }
    socket.once('error', failed)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeListener('error', failed)
      resolve(socket)
    })
  })
}

function connectFault(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'connection refused'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name does not resolve'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'no way to that host'
    default:
      return error.message === '' ? (error.code ?? 'unknown error') : error.message
  }
}

interface GatewayPodObject extends KubeObject {
  spec?: {
    containers?: { ports?: { name?: string; containerPort?: number }[] }[]
  }
  status?: {
    phase?: string
    conditions?: { type?: string; status?: string }[]
  }
}

/** Ready pods of the gateway that are not going away; `fresh` asks the API server in any case. */
function gatewayPods(kube: Kube, gateway: IngressGateway): (fresh: boolean) => Promise<GatewayPodObject[]> {
  let listed: Promise<GatewayPodObject[]> | undefined
  let listedAt = 0
  const list = async () => {
    // The Service's own selector says whose port it is; the Istio selector may be wider than one gateway.
    const service = await kube.get<KubeObject & { spec?: { selector?: Record<string, string> } }>(
      SERVICE,
      gateway.service,
      gateway.namespace,
    )
    const selector = service?.spec?.selector ?? gateway.selector
    const pods = await kube.list<GatewayPodObject>(POD, {
      namespace: gateway.namespace,
      labelSelector: labelSelector(selector),
    })
    return pods.filter(isReady)
  }
  return (fresh) => {
    const now = Date.now()
    if (listed === undefined || fresh || now - listedAt > PODS_FRESH_MS) {
      listedAt = now
      const mine = list()
      listed = mine
      // A failed list is not kept; who waits for it hears of the failure.
      mine.catch(() => {
        if (listed === mine) listed = undefined
      })
    }
    return listed
  }
}

function isReady(pod: GatewayPodObject): boolean {
  const conditions = pod.status?.conditions ?? []
  return (
    pod.metadata.deletionTimestamp === undefined &&
    pod.status?.phase === 'Running' &&
    conditions.some((one) => one.type === 'Ready' && one.status === 'True')
  )
}

/** The pod's port behind the Service's: istiod makes Envoy listen on the targetPort (facts on Istio's gateway.go). */
function targetPort(gateway: IngressGateway, pod: GatewayPodObject, port: number): number {
  const target = gateway.ports.find((one) => one.port === port)?.targetPort ?? port
  if (typeof target === 'number') return target
  for (const container of pod.spec?.containers ?? []) {
    const found = container.ports?.find((one) => one.name === target)?.containerPort
    if (found !== undefined) return found
  }
  throw new CassSniError(
    'CSNI601',
    `the pod has no port named ${target}, which the gateway's Service points port ${port} at`,
    {
      object: `pod/${pod.metadata.name} in namespace ${gateway.namespace}`,
      next: [command`kubectl -n ${gateway.namespace} get service ${gateway.service} -o yaml`],
    },
  )
}

const labelSelector = (labels: Record<string, string>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
