/** The remote end of each local port of `port-forward --sni`: verified TLS with SNI, to one node or to any. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { findNode } from '../../cassandra/node.ts'
import type { ClientIdentity } from '../../connection/client-identity.ts'
import { type Dial, hostPort } from '../../connection/dialer.ts'
import { firstStream } from '../../connection/first-stream.ts'
import { dialVerified } from '../../connection/verified-dial.ts'
import { again, CassSniError, command, type NextStep, throwIfAborted } from '../../errors.ts'
import { observeRouted, type Routed } from '../../routes/gather.ts'
import { readAuthorityFile } from '../authority-file.ts'
import type { WorkflowContext } from '../context.ts'
import { notTrusted, readAuthority } from '../cqlsh-session.ts'
import { chosenIdentity, identityFor, type IdentityChoice } from '../find-identity.ts'

/** Age in ms from which nodes and CA are read again, in the background of a connection. */
const FRESH_MS = 5_000

export interface SniForwardOptions extends IdentityChoice {
  /** A node (pod name, host ID or ordinal), `any`, or `all` for a port for each. */
  sni: string
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** PEM file; default: the datacenter's CA. */
  caFile?: string | undefined
  /** For `any`: every connection goes to the same node while that one answers, instead of to the next. */
  sameNode?: boolean | undefined
}

/** The address of a node as Cassandra reports it to drivers. */
export interface ForwardedNode {
  pod: string
  /** Unknown while the node has not started. */
  hostId?: string | undefined
  /** "IP:port", as in system.peers; unknown without a pod. */
  address?: string | undefined
}

export interface SniForward {
  dial: Dial
  /** Undefined for any. */
  node?: ForwardedNode | undefined
}

/** What is read from the cluster; the API objects of nodes and CA may change while the ports are open. */
interface Known {
  datacenter: Datacenter
  ca: string
  /** From a Secret of `certs issue-client`, if the nodes require one. */
  client?: ClientIdentity | undefined
}

/**
 * Returns one forward per local port: one for a node or `any`, one per node for `all`. SNI and the verified name are
 * the DNS name of the pod, which stays when the node is replaced; its host ID does not.
 *
 * Throws CSNI301, CSNI302 (no such node), CSNI303 (no node, or routes that do not select nodes), CSNI102, CSNI104 and
 * CSNI107 for the files of CA and client certificate.
 */
export async function sniForwards(
  { kube, signal, now }: Pick<WorkflowContext, 'kube' | 'signal' | 'now'>,
  options: SniForwardOptions,
  dial: Dial,
): Promise<SniForward[]> {
  const choice = {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  }
  const chosen = await chosenIdentity(options, signal)
  const read = async (): Promise<Routed & Known> => {
    const routed = await observeRouted(kube, choice)
    const { datacenter } = routed
    const { caFile } = options
    const ca = caFile === undefined ? await readAuthority(kube, datacenter) : await readAuthorityFile(caFile, signal)
    return { ...routed, ca, client: await identityFor(kube, datacenter, chosen, now()) }
  }
  const first = await read()
  const { datacenter, choices } = first
  const nodes =
    options.sni === 'any' || options.sni === 'all' ? datacenter.nodes : [findNode(datacenter, options.sni, '--sni')]
  if (nodes.length === 0) throw notReady(datacenter, 'no nodes yet', [command`kubectl cass-sni verify`])
  if (choices.mode === 'tcp' && options.sni !== 'any') {
    const next = [again`--sni ${'any'}`, command`kubectl cass-sni routes sync --mode ${'sni'}`]
    throw notReady(datacenter, 'routes in mode tcp do not select a node', next)
  }
  const known = new Current<Known>(read, first)
  if (options.sni === 'any')
    return [{ dial: explained(anyNode(dial, known, options.sameNode === true ? 0 : 1), options.caFile) }]
  return nodes.map((node) => ({
    dial: explained(oneNode(dial, known, node.dnsName), options.caFile),
    node: {
      pod: node.pod,
      hostId: node.hostId,
      address: node.address === undefined ? undefined : hostPort(node.address, datacenter.nativePort),
    },
  }))
}

function notReady({ name, namespace }: Datacenter, why: string, next: NextStep[]): CassSniError {
  const object = `cassandradatacenter/${name} in namespace ${namespace}`
  return new CassSniError('CSNI303', `datacenter ${name}: ${why}`, { object, next })
}

function explained(dial: Dial, caFile: string | undefined): Dial {
  if (caFile === undefined) return dial
  return (to) =>
    dial(to).catch((error: unknown) => {
      throw error instanceof CassSniError && error.code === 'CSNI602' ? notTrusted(error, caFile) : error
    })
}

/** The CA may be another one since the last connection. */
function oneNode(dial: Dial, known: Current<Known>, serverName: string): Dial {
  return ({ signal } = {}) =>
    known.use(signal, ({ ca, client }) => dialVerified(dial, { serverName, ca, client }, signal))
}

/** Each connection goes `step` nodes further than the one before; a node that does not answer is passed over. */
function anyNode(dial: Dial, known: Current<Known>, step: 0 | 1): Dial {
  let turn = 0
  return ({ signal } = {}) => {
    turn += step
    return known.use(signal, ({ datacenter, ca, client }) => {
      const nodes = preferred(datacenter.nodes, turn)
      if (nodes.length === 0) throw notReady(datacenter, 'no nodes', [command`kubectl cass-sni verify`])
      const attempts = nodes.map(
        ({ dnsName }) =>
          (stop: AbortSignal) =>
            dialVerified(dial, { serverName: dnsName, ca, client }, stop),
      )
      return firstStream(attempts, signal)
    })
  }
}

/** The ready nodes beginning with another one each time, then the others. */
function preferred(nodes: readonly CassandraNode[], turn: number): CassandraNode[] {
  const ready = nodes.filter((node) => node.ready && !node.terminating)
  const start = ready.length === 0 ? 0 : turn % ready.length
  return [...ready.slice(start), ...ready.slice(0, start), ...nodes.filter((node) => !ready.includes(node))]
}

/** A value that is used immediately, read again in the background when it is old, and before a second attempt. */
class Current<T> {
  readonly #read: () => Promise<T>
  #value: T
  #readAt = Date.now()
  #reading: Promise<T> | undefined

  constructor(read: () => Promise<T>, first: T) {
    this.#read = read
    this.#value = first
  }

  /** Calls `work` with the value; if that fails, once more with a newer one. Throws the first error without one. */
  async use<R>(signal: AbortSignal | undefined, work: (value: T) => Promise<R>): Promise<R> {
    const value = this.#value
    // an error is reported when a newer value is needed
    if (Date.now() - this.#readAt > FRESH_MS) this.#renew().catch(() => undefined)
    try {
      return await work(value)
    } catch (error) {
      if (signal !== undefined) throwIfAborted(signal)
      const newer = await this.#renew().catch(() => undefined)
      if (newer === undefined) throw error
      return await work(newer)
    }
  }

  #renew(): Promise<T> {
    this.#reading ??= this.#read()
      .then((value) => {
        this.#value = value
        this.#readAt = Date.now()
        return value
      })
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }
}
