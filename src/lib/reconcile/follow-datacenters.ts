/** Keeps many datacenters in their desired state: the loop of the controller. What that is, `follow` decides. */
import { DATACENTER_LABEL } from '../cassandra/resource-names.ts'
import { CachedKube } from '../cluster/cached-kube.ts'
import type { Follower, Kube, KubeObject, ResourceType } from '../cluster/kube.ts'
import { CASSANDRA_DATACENTER, PERSISTENT_VOLUME_CLAIM, POD, SERVICE, STATEFUL_SET } from '../cluster/resources.ts'
import { asCassSniError } from '../errors.ts'
import { OWNER_LABEL, ROUTES_ANNOTATION } from '../text/own-keys.ts'
import { Failures } from './failures.ts'
import type { DatacenterKey, Followed, FollowedEvent, FollowParts } from './followed.ts'
import { WorkQueue } from './work-queue.ts'

/** Which datacenters: all, those of some namespaces, or one. */
export interface Scope {
  /** Undefined: all namespaces. */
  namespaces?: readonly string[] | undefined
  /** metadata.name, in each of the namespaces. */
  datacenter?: string | undefined
}

/** The outcome of a run as leader. */
export interface LeaderRun {
  datacenter: DatacenterKey
  result: 'changed' | 'unchanged' | 'failed'
  /** From the change that caused the run to its last write. Only if something was written. */
  seconds?: number | undefined
}

export interface ControllerContext<F extends Followed> {
  kube: Kube & Follower
  signal: AbortSignal
  /** An event of the whole loop. Must not throw. */
  report: (event: FollowedEvent) => void
  follow: (parts: FollowParts, key: DatacenterKey) => F
  /** Called after each run as leader. Must not throw. */
  onRun?: ((run: LeaderRun) => void) | undefined
}

/** The key of the list of datacenters; the others contain a slash. */
const LIST = 'datacenters'

/** With the labels of a datacenter, objects of these types concern its namespace only. */
const OF_NODES = [PERSISTENT_VOLUME_CLAIM, POD, SERVICE, STATEFUL_SET]

/** How many datacenters are processed at the same time. */
const WORKERS = 4

export class DatacenterLoop<F extends Followed> {
  readonly #context: ControllerContext<F>
  readonly #scope: Scope
  readonly #queue: WorkQueue
  readonly #cached: CachedKube
  readonly #failures: Failures
  readonly #followed = new Map<string, F>()
  /** When the oldest change that has not been processed was seen. */
  readonly #changedAt = new Map<string, number>()
  readonly #unsynced = new Set<string>([LIST])
  #term: AbortSignal | undefined

  constructor(context: ControllerContext<F>, scope: Scope) {
    const { kube, signal, report } = context
    this.#context = context
    this.#scope = scope
    this.#queue = new WorkQueue({ signal, workers: WORKERS })
    this.#failures = new Failures(report, signal)
    this.#cached = new CachedKube(kube, {
      signal,
      onChange: (type, object) => this.#wake(type, object),
      onFailure: (type, error) => this.#failures.set(`watching ${type.plural}`, error),
    })
  }

  get datacenters(): readonly F[] {
    return [...this.#followed.values()]
  }

  /** How long the longest current run has taken, in ms; undefined while idle. */
  get busyMs(): number | undefined {
    return this.#queue.busyMs
  }

  /** Whether the list of datacenters and each of them has been read once, successfully or not. */
  get synced(): boolean {
    return this.#unsynced.size === 0
  }

  /** The counts of all watches. */
  get counts(): CachedKube['counts'] {
    return this.#cached.counts
  }

  /** Reads and plans until the signal is aborted, then rejects with its reason. Writes only during `lead`. */
  async run(): Promise<never> {
    this.#queue.add(LIST)
    try {
      return await this.#queue.run(
        (key) => this.#work(key),
        (key, error) => this.#failed(key, error),
      )
    } finally {
      for (const each of this.#followed.values()) each.stop()
      await this.#cached.ended()
    }
  }

  /** Applies what was planned and what changes, until the term ends. Resolves when the last write has ended. */
  async lead(term: AbortSignal): Promise<void> {
    this.#term = term
    for (const key of this.#followed.keys()) this.#queue.add(key)
    if (!term.aborted) await new Promise<void>((end) => term.addEventListener('abort', () => end(), { once: true }))
    this.#term = undefined
    await this.#queue.settled()
  }

  async #work(key: string): Promise<void> {
    if (key === LIST) await this.#readList()
    else await this.#sync(key)
    this.#unsynced.delete(key)
  }

  #failed(key: string, error: unknown): void {
    this.#unsynced.delete(key)
    // those of a datacenter are reported by it
    if (key === LIST) this.#failures.set(LIST, asCassSniError(error))
  }

  async #sync(key: string): Promise<void> {
    const changedAt = this.#changedAt.get(key)
    this.#changedAt.delete(key)
    const followed = this.#followed.get(key)
    if (followed === undefined) return
    const term = this.#term
    const ended = (result: LeaderRun['result'], seconds?: number) => {
      if (term !== undefined) this.#context.onRun?.({ datacenter: followed.key, result, seconds })
    }
    try {
      const written = await followed.run(term)
      if (!written) ended('unchanged')
      else ended('changed', changedAt === undefined ? undefined : (performance.now() - changedAt) / 1000)
    } catch (error) {
      if (changedAt !== undefined) this.#changedAt.set(key, changedAt)
      ended('failed')
      throw error
    }
  }

  /** Reads which datacenters there are: new ones are followed, others forgotten. */
  async #readList(): Promise<void> {
    const { namespaces, datacenter } = this.#scope
    const lists = await Promise.all(
      (namespaces ?? [undefined]).map((namespace) => this.#cached.list(CASSANDRA_DATACENTER, { namespace })),
    )
    this.#failures.set(LIST, undefined)
    const wanted = new Map(
      lists
        .flat()
        .filter((object) => isWanted(object) && (datacenter === undefined || object.metadata.name === datacenter))
        .map(({ metadata: { name, namespace = '' } }) => [`${namespace}/${name}`, { name, namespace }]),
    )
    for (const [key, followed] of this.#followed) {
      if (wanted.has(key)) continue
      followed.stop()
      this.#followed.delete(key)
      this.#changedAt.delete(key)
      this.#unsynced.delete(key)
      this.#queue.forget(key)
    }
    for (const [key, names] of wanted) {
      if (this.#followed.has(key)) continue
      this.#followed.set(key, this.#follow(key, names))
      this.#unsynced.add(key)
      this.#add(key)
    }
  }

  #follow(key: string, names: DatacenterKey): F {
    const again = (inMs?: number) => (inMs === undefined ? this.#queue.add(key) : this.#queue.addLater(key, inMs))
    return this.#context.follow({ cached: this.#cached, again }, names)
  }

  /** Schedules the datacenters that the object can concern. */
  #wake(type: ResourceType, object: KubeObject | undefined): void {
    if (type === CASSANDRA_DATACENTER) this.#queue.add(LIST)
    const namespace = concernsOnly(type, object)
    for (const [key, { key: names }] of this.#followed)
      if (namespace === undefined || names.namespace === namespace) this.#add(key)
  }

  #add(key: string): void {
    if (!this.#changedAt.has(key)) this.#changedAt.set(key, performance.now())
    this.#queue.add(key)
  }
}

/** Datacenters that are being deleted are not: their routes are deleted with them. */
function isWanted({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ROUTES_ANNOTATION] !== 'disabled' && metadata.deletionTimestamp === undefined
}

/**
 * The only namespace whose datacenters the object can concern: a datacenter, a node, or a node Service. Everything
 * else (gateways, routes of others, mesh configuration) can concern all.
 */
function concernsOnly(type: ResourceType, object: KubeObject | undefined): string | undefined {
  if (object === undefined) return undefined
  const { namespace, labels = {} } = object.metadata
  if (type === CASSANDRA_DATACENTER) return namespace
  const ofNode = DATACENTER_LABEL in labels || OWNER_LABEL in labels
  return ofNode && OF_NODES.includes(type) ? namespace : undefined
}
