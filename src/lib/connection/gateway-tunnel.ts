/** Tunnels through the API server to ready pods of the gateway's Service. */
import type { Duplex } from 'node:stream'
import type { Kube } from '../cluster/kube.ts'
import { POD, SERVICE } from '../cluster/resources.ts'
import { isReady, type Pod, type Service } from '../cluster/workloads.ts'
import { CassSniError, command } from '../errors.ts'
import { tcpPort } from '../istio/gateways.ts'
import type { IngressGateway } from '../istio/mesh.ts'
import { backOff } from '../waiting/back-off.ts'
import { abortable } from '../waiting/time-limit.ts'
import type { Dialer } from './dialer.ts'
import { firstStream } from './first-stream.ts'

/** How long a list of gateway pods is cached: a driver opens a dozen connections together. */
const PODS_FRESH_MS = 1_000
/** Intervals for rereading a list without a reachable pod, shared by all waiting connections. */
const RENEWAL = { firstMs: 200, longestMs: 4_000 }

/**
 * Connects through the API server to a ready gateway pod, selected for each connection. Does not check permissions.
 */
export function tunnelDialer(kube: Kube, gateway: IngressGateway, port: number): Dialer {
  const pods = new SharedList(() => readyPods(kube, gateway))
  let turn = 0
  const dialOne = async (ready: Pod[], signal: AbortSignal | undefined): Promise<Duplex> => {
    turn += 1
    const start = turn % ready.length
    const inTurn = [...ready.slice(start), ...ready.slice(0, start)]
    const attempts = inTurn.map((pod) => (stop: AbortSignal) => {
      const { name, namespace = gateway.namespace } = pod.metadata
      return kube.connect({ name, namespace }, targetPort(gateway, pod, port), { signal: stop })
    })
    const stream = await firstStream(attempts, signal)
    pods.succeeded()
    return stream
  }
  return {
    describe: `tunnel to service/${gateway.service} in namespace ${gateway.namespace}, port ${port}`,
    async dial({ signal } = {}) {
      const ready = await abortable(pods.current(), signal)
      let failure: unknown
      if (ready.length > 0) {
        try {
          return await dialOne(ready, signal)
        } catch (error) {
          if (signal?.aborted) throw error
          failure = error
        }
      }
      // A pod that was just ready may no longer exist.
      const renewed = await abortable(pods.renewed(), signal)
      if (renewed !== ready && renewed.length > 0) return dialOne(renewed, signal)
      if (failure !== undefined) throw failure
      throw new CassSniError('CSNI601', 'no gateway pod is ready', {
        object: `service/${gateway.service} in namespace ${gateway.namespace}`,
        next: [command`kubectl -n ${gateway.namespace} get pods -l ${labelSelector(gateway.selector)}`],
      })
    },
  }
}

/**
 * A list shared by concurrent users: read once for all of them, and less and less often while it has no working entry.
 * A failed read is cached like a result.
 */
class SharedList<T> {
  readonly #read: () => Promise<T[]>
  #list: Promise<T[]> | undefined
  #pending = false
  #readAt = 0
  #pause = backOff(RENEWAL)
  #retryMs: number | undefined

  constructor(read: () => Promise<T[]>) {
    this.#read = read
  }

  /** The list, at most a second old, or as old as the current pause while it has no working entry. */
  current(): Promise<T[]> {
    return this.#listed(this.#retryMs ?? PODS_FRESH_MS)
  }

  /** The list after a failure: the same one until the pause since it was read has elapsed. */
  renewed(): Promise<T[]> {
    this.#retryMs ??= this.#pause()
    return this.#listed(this.#retryMs)
  }

  /** Records that a connection was opened. */
  succeeded(): void {
    this.#retryMs = undefined
    this.#pause = backOff(RENEWAL)
  }

  #listed(maxAgeMs: number): Promise<T[]> {
    if (this.#list !== undefined && (this.#pending || Date.now() - this.#readAt < maxAgeMs)) return this.#list
    if (this.#retryMs !== undefined) this.#retryMs = this.#pause()
    this.#readAt = Date.now()
    this.#pending = true
    const list = this.#read().finally(() => {
      this.#pending = false
    })
    // callers receive the rejection; without any, it must not be unhandled
    list.catch(() => {
      this.#retryMs ??= this.#pause()
    })
    this.#list = list
    return list
  }
}

async function readyPods(kube: Kube, gateway: IngressGateway): Promise<Pod[]> {
  // The Service's selector identifies its pods; the Istio selector may match several gateways.
  const service = await kube.get<Service>(SERVICE, gateway.service, gateway.namespace)
  const pods = await kube.list<Pod>(POD, {
    namespace: gateway.namespace,
    labelSelector: labelSelector(service?.spec?.selector ?? gateway.selector),
  })
  return pods.filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
}

/** The pod's port: Envoy listens on the Service's targetPort (istio/istio pilot/pkg/model/gateway.go). */
function targetPort(gateway: IngressGateway, pod: Pod, port: number): number {
  const target = tcpPort(gateway, port)?.targetPort ?? port
  if (typeof target === 'number') return target
  for (const container of pod.spec?.containers ?? []) {
    const found = container.ports?.find((one) => one.name === target)?.containerPort
    if (found !== undefined) return found
  }
  throw new CassSniError(
    'CSNI601',
    `no container port named ${target}, the targetPort of port ${port} of service/${gateway.service}`,
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
