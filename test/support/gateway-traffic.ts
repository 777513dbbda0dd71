/** Clients of the lab's gateway while routes change: connections that stay open, and new ones all the time. */
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type TLSSocket } from 'node:tls'
import { GATEWAY_ADDRESS } from './lab.ts'

const PORT = 9042
/** A connection that takes longer has failed. */
const LIMIT_MS = 5_000
/** Between two rounds of new connections. */
const ROUND_MS = 20

export class GatewayTraffic {
  /** Failed connections: the name, and when, in ms since the start. */
  readonly failures: string[] = []
  /** Names whose connection that was opened at the start has ended. */
  readonly ended: string[] = []
  /** New connections so far. */
  made = 0
  readonly #names: readonly string[]
  readonly #open: TLSSocket[] = []
  readonly #startedAt = performance.now()
  #running: Promise<void> | undefined
  #stopped = false

  constructor(names: readonly string[]) {
    this.#names = names
  }

  /** Opens a connection for each server name, then more of them until `stop`. */
  static async start(names: readonly string[]): Promise<GatewayTraffic> {
    const traffic = new GatewayTraffic(names)
    await traffic.renew()
    traffic.#running = traffic.#run()
    return traffic
  }

  /** Closes the open connections, and opens others. */
  async renew(): Promise<void> {
    for (const socket of this.#open.splice(0)) socket.removeAllListeners('close').destroy()
    for (const name of this.#names) {
      const socket = await opened(name)
      socket.once('close', () => this.ended.push(name))
      socket.on('error', () => undefined)
      this.#open.push(socket)
    }
  }

  /** Ends all connections. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const socket of this.#open) socket.removeAllListeners('close').destroy()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.all(this.#names.map((name) => this.#once(name)))
      await pause(ROUND_MS)
    }
  }

  async #once(name: string): Promise<void> {
    try {
      ;(await opened(name)).destroy()
      this.made += 1
    } catch (error) {
      this.failures.push(`${name} after ${Math.round(performance.now() - this.#startedAt)} ms: ${String(error)}`)
    }
  }
}

/**
 * A connection after its TLS handshake. While kube-proxy rewrites its rules, after any change of a Service, there may be
 * no rule for the load balancer's address for a moment: that is not the gateway's doing.
 */
async function opened(servername: string): Promise<TLSSocket> {
  for (let left = 10; ; left -= 1) {
    try {
      return await connected(servername)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EHOSTUNREACH' || left === 0) throw error
      await pause(50)
    }
  }
}

/** The certificate is another test's subject. */
function connected(servername: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: GATEWAY_ADDRESS, port: PORT, servername, rejectUnauthorized: false })
    socket.setTimeout(LIMIT_MS, () => socket.destroy(new Error('timed out')))
    socket.once('error', reject)
    // without a route the gateway closes the connection
    socket.once('close', () => reject(new Error('closed')))
    socket.once('secureConnect', () => {
      socket.setTimeout(0)
      resolve(socket)
    })
  })
}
