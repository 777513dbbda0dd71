/** Tunnels through the API server to the pods behind the gateway's Service, whichever are ready. */
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

/** A list of gateway pods is good for the connections of this long: a driver opens a dozen at once. */
const PODS_FRESH_MS = 1_000
/** A list that led nowhere is read again, by all who wait, at most so often. */
const RENEWAL = { firstMs: 200, longestMs: 4_000 }

/**
 * Through the API server to a ready pod of the gateway, chosen afresh for each connection. Does not ask for permission.
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
    pods.useful()
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
      // A pod that was ready a moment ago may be gone.
      const renewed = await abortable(pods.renewed(), signal)
      if (renewed !== ready && renewed.length > 0) return dialOne(renewed, signal)
      if (failure !== undefined) throw failure
      throw new CassSniError('CSNI601', 'no pod of the gateway is ready', {
        object: `service/${gateway.service} in namespace ${gateway.namespace}`,
        next: [command`kubectl -n ${gateway.namespace} get pods -l ${labelSelector(gateway.selector)}`],
      })
    },
  }
}

/**
 * A list that many use at once: read by one for all, and while it leads nowhere, less and less often. A failure counts
 * as an answer for as long.
 */
class SharedList<T> {
  readonly #read: () => Promise<T[]>
  #list: Promise<T[]> | undefined
  #pending = false
  #readAt = 0
  #pause = backOff(RENEWAL)
  #useless: number | undefined

  constructor(read: () => Promise<T[]>) {
    this.#read = read
  }

  /** The list, not older than a second, or than the pause while it leads nowhere. */
  current(): Promise<T[]> {
    return this.#listed(this.#useless ?? PODS_FRESH_MS)
  }

  /** The list after one that led nowhere: the same when the pause after its reading is not over. */
  renewed(): Promise<T[]> {
    this.#useless ??= this.#pause()
    return this.#listed(this.#useless)
  }

  /** It led somewhere. */
  useful(): void {
    this.#useless = undefined
    this.#pause = backOff(RENEWAL)
  }

  #listed(goodForMs: number): Promise<T[]> {
    if (this.#list !== undefined && (this.#pending || Date.now() - this.#readAt < goodForMs)) return this.#list
    if (this.#useless !== undefined) this.#useless = this.#pause()
    this.#readAt = Date.now()
    this.#pending = true
    const list = this.#read().finally(() => {
      this.#pending = false
    })
    // whoever waits hears of the failure; when nobody does any more, it is no event of its own
    list.catch(() => {
      this.#useless ??= this.#pause()
    })
    this.#list = list
    return list
  }
}

async function readyPods(kube: Kube, gateway: IngressGateway): Promise<Pod[]> {
  // The Service's own selector says whose port it is; the Istio selector may be wider than one gateway.
  const service = await kube.get<Service>(SERVICE, gateway.service, gateway.namespace)
  const pods = await kube.list<Pod>(POD, {
    namespace: gateway.namespace,
    labelSelector: labelSelector(service?.spec?.selector ?? gateway.selector),
  })
  return pods.filter((pod) => isReady(pod) && pod.metadata.deletionTimestamp === undefined)
}

/** The pod's port behind the Service's: istiod makes Envoy listen on the targetPort (facts on Istio's gateway.go). */
function targetPort(gateway: IngressGateway, pod: Pod, port: number): number {
  const target = tcpPort(gateway, port)?.targetPort ?? port
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
