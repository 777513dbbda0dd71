/** Opens connections to a TCP port: directly to an address, or through the API server to a pod. */
import { connect as connectTcp, isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectOptions, Kube } from '../cluster/kube.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { systemError } from '../text/system-errors.ts'
import { withinLimit } from '../waiting/time-limit.ts'

const CONNECT_MS = 10_000

/** Opens one TCP connection, without TLS. The signal aborts opening, with its reason. */
export type Dial = (options?: ConnectOptions) => Promise<Duplex>

/** Connects to a port of the gateway or of a node. */
export interface Dialer {
  /**
   * For display: "10.200.1.10:9042" or "tunnel to service/istio-ingressgateway in namespace istio-system, port 9042".
   */
  describe: string
  /** Set for a direct connection, whose address other programs on this machine can use too. */
  address?: { host: string; port: number } | undefined
  /** Why a tunnel is used although the gateway has an address: "10.200.1.10:9042: connection refused". */
  fallback?: string | undefined
  dial: Dial
}

/**
 * Connects through the API server to a port of one pod, a Cassandra node. The pod is looked up by name each time, so it
 * may be replaced.
 */
export function podDialer(kube: Kube, pod: { name: string; namespace: string }, port: number): Dialer {
  return {
    describe: `pod/${pod.name} in namespace ${pod.namespace}, port ${port}`,
    dial: (options) => kube.connect(pod, port, options),
  }
}

/** Connects directly to a host and port. */
export function addressDialer(host: string, port: number): Dialer {
  return {
    describe: hostPort(host, port),
    address: { host, port },
    dial: ({ signal } = {}) => dialTcp(host, port, CONNECT_MS, signal),
  }
}

/**
 * Connects directly to "host", "host:port" or "[v6]:port": unchecked, and never replaced by a tunnel. Throws CSNI101
 * for an invalid address.
 */
export function givenAddressDialer(text: string, defaultPort: number): Dialer {
  const { host, port } = parseAddress(text, defaultPort)
  return addressDialer(host, port)
}

/** Opens a TCP connection. Throws CSNI601 with the system's error or after `ms`, or the signal's reason. */
export function dialTcp(host: string, port: number, ms: number, signal?: AbortSignal): Promise<Socket> {
  const failed = (why: string, cause?: unknown): CassSniError =>
    new CassSniError('CSNI601', `cannot connect to ${hostPort(host, port)}: ${why}`, {
      next: [command`kubectl cass-sni verify`, hint('connect through the API server with --tunnel')],
      cause,
    })
  const late = (): CassSniError => failed(`timed out after ${durationText(ms)}`)
  return withinLimit(
    { ms, late, signal },
    (stop) =>
      new Promise((resolve, reject) => {
        const socket = connectTcp({ host, port, noDelay: true })
        const stopped = (): void => {
          socket.destroy()
          reject(stop.reason)
        }
        const refused = (error: Error): void => {
          stop.removeEventListener('abort', stopped)
          reject(failed(systemError(error), error))
        }
        stop.addEventListener('abort', stopped, { once: true })
        socket.once('error', refused)
        socket.once('connect', () => {
          stop.removeEventListener('abort', stopped)
          socket.removeListener('error', refused)
          resolve(socket)
        })
      }),
  )
}

/** Parses "host", "host:port", "[::1]:port" or "::1". Throws CSNI101 for anything else. */
export function parseAddress(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^\s:/[\]@]+))(?::(?<port>\d{1,5}))?$/i.exec(text)
  const v6 = isIPv6(text) ? text : match?.groups?.v6
  const host = v6 !== undefined && !isIPv6(v6) ? undefined : (v6 ?? match?.groups?.name)
  const port = Number(match?.groups?.port ?? defaultPort)
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CassSniError('CSNI101', `invalid address "${text}": expected HOST or HOST:PORT`, {
      next: [hint('use a DNS name or an IP address, with or without a port, such as cassandra.example.com:9042')],
    })
  }
  return { host, port }
}

/** Formats "host:port", with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
