/**
 * A client that serves reads from reflectors and sends writes to the API server, so that observers run on it
 * unchanged. Modeled on the client of controller-runtime (kubernetes-sigs/controller-runtime
 * pkg/client/client.go).
 */
import type { CassSniError } from '../errors.ts'
import type { ApplyOptions, ConnectOptions, Follower, Kube, KubeObject, ListOptions, ResourceType } from './kube.ts'
import { Reflector, type ReflectorCounts, type ReflectorTiming } from './reflector.ts'
import { SECRET } from './resources.ts'
import { storedForm } from './stored-form.ts'
import { unless } from './unless.ts'

export interface CachedKubeOptions {
  /** Ends all reflectors. */
  signal: AbortSignal
  /** Called after a cache has changed: an object, or whether its kind can be read. Must not throw. */
  onChange: (type: ResourceType, object?: KubeObject) => void
  /**
   * Called when following a kind fails, and with undefined when it works again. Missing permission is not reported: the
   * reads throw it. Must not throw.
   */
  onFailure?: ((type: ResourceType, error: CassSniError | undefined) => void) | undefined
  /** For tests. */
  timing?: Partial<ReflectorTiming> | undefined
}

/** Types that are never cached: reads go to the API server. */
const UNCACHED = [SECRET]

interface Followed {
  type: ResourceType
  selection: ListOptions
  reflector: Reflector
}

export class CachedKube implements Kube {
  readonly #live: Kube & Follower
  readonly #options: CachedKubeOptions
  readonly #followed = new Map<string, Followed>()
  readonly #running: Promise<void>[] = []

  constructor(live: Kube & Follower, options: CachedKubeOptions) {
    this.#live = live
    this.#options = options
  }

  get target(): Kube['target'] {
    return this.#live.target
  }

  /** Counts of all reflectors. */
  get counts(): ReflectorCounts {
    const all = [...this.#followed.values()].map(({ reflector }) => reflector.counts)
    const sum = (of: (counts: ReflectorCounts) => number) => all.reduce((total, each) => total + of(each), 0)
    return {
      lists: sum(({ lists }) => lists),
      watches: sum(({ watches }) => watches),
      events: sum(({ events }) => events),
      failures: sum(({ failures }) => failures),
      missed: sum(({ missed }) => missed),
    }
  }

  /** Resolves when all reflectors have ended, after the signal was aborted. */
  async ended(): Promise<void> {
    await Promise.all(this.#running)
  }

  /**
   * Reads from the reflector of this selection, which the first call starts; from that of all namespaces, if it exists
   * and may be read.
   */
  async list<T extends KubeObject = KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<T[]> {
    if (UNCACHED.includes(type)) return this.#live.list<T>(type, options)
    const { namespace, ...selectors } = options
    const everywhere = namespace === undefined ? undefined : this.#followed.get(keyOf(type, selectors))?.reflector
    const all = everywhere === undefined ? undefined : await unless('CSNI203', everywhere.objects())
    if (all !== undefined) return all.filter(({ metadata }) => metadata.namespace === namespace) as T[]
    return (await this.#follow(type, options).objects()) as T[]
  }

  /**
   * Reads from a reflector of the whole kind or of this object, which polls without permission to list and watch.
   */
  async get<T extends KubeObject = KubeObject>(
    type: ResourceType,
    name: string,
    namespace?: string,
  ): Promise<T | undefined> {
    if (UNCACHED.includes(type)) return this.#live.get<T>(type, name, namespace)
    const covering = this.#covering(type, namespace) ?? this.#followObject(type, name, namespace)
    // without permission to list the kind: the object alone
    const objects =
      (await unless('CSNI203', covering.objects())) ?? (await this.#followObject(type, name, namespace).objects())
    return objects.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace) as T | undefined
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions = {}): Promise<KubeObject> {
    const written = await this.#live.apply(type, object, options)
    if (options.dryRun !== true) this.#put(type, written)
    return written
  }

  async mergePatch(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    patch: object,
    options: { dryRun?: boolean } = {},
  ): Promise<KubeObject> {
    const written = await this.#live.mergePatch(type, name, namespace, patch, options)
    if (options.dryRun !== true) this.#put(type, written)
    return written
  }

  async delete(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    options: { uid?: string | undefined; resourceVersion?: string | undefined; dryRun?: boolean } = {},
  ): Promise<boolean> {
    // not dropped from the caches here: an object with finalizers remains until its DELETED event
    return this.#live.delete(type, name, namespace, options)
  }

  clockSkewMs(): number | undefined {
    return this.#live.clockSkewMs()
  }

  servedVersions(group: string): Promise<string[]> {
    return this.#live.servedVersions(group)
  }

  resourceType(apiVersion: string, kind: string, about?: KubeObject[]): Promise<ResourceType> {
    return this.#live.resourceType(apiVersion, kind, about)
  }

  serverVersion(): ReturnType<Kube['serverVersion']> {
    return this.#live.serverVersion()
  }

  can(verb: string, type: ResourceType, namespace?: string, subresource?: string): Promise<boolean> {
    return this.#live.can(verb, type, namespace, subresource)
  }

  exec(...args: Parameters<Kube['exec']>): ReturnType<Kube['exec']> {
    return this.#live.exec(...args)
  }

  podLog(...args: Parameters<Kube['podLog']>): ReturnType<Kube['podLog']> {
    return this.#live.podLog(...args)
  }

  connect(
    pod: { name: string; namespace: string },
    port: number,
    options?: ConnectOptions,
  ): ReturnType<Kube['connect']> {
    return this.#live.connect(pod, port, options)
  }

  #followObject(type: ResourceType, name: string, namespace: string | undefined): Reflector {
    const selection = { namespace, fieldSelector: `metadata.name=${name}` }
    return this.#follow(type, selection, objectFollower(this.#live, name, namespace))
  }

  #follow(type: ResourceType, selection: ListOptions, follower: Follower = this.#live): Reflector {
    const key = keyOf(type, selection)
    const known = this.#followed.get(key)
    if (known !== undefined) return known.reflector
    const { signal, onChange, onFailure, timing } = this.#options
    const reflector = new Reflector(follower, type, selection, {
      signal,
      onChange: (object) => onChange(type, object),
      onFailure: (error) => onFailure?.(type, error),
      stored: storedForm(type),
      timing,
    })
    this.#followed.set(key, { type, selection, reflector })
    this.#running.push(reflector.run())
    return reflector
  }

  /** The reflector that has every object of the kind in the namespace. */
  #covering(type: ResourceType, namespace: string | undefined): Reflector | undefined {
    const whole = this.#of(type).filter(
      ({ selection }) => selection.labelSelector === undefined && selection.fieldSelector === undefined,
    )
    // that of the namespace first: listing all namespaces requires more permissions
    const found =
      whole.find(({ selection }) => selection.namespace === namespace) ??
      whole.find(({ selection }) => selection.namespace === undefined)
    return found?.reflector
  }

  /** Stores a written object in the reflectors that certainly contain it; only the server evaluates selectors. */
  #put(type: ResourceType, object: KubeObject): void {
    const { name, namespace } = object.metadata
    for (const { reflector } of this.#of(type)) if (reflector.has(name, namespace)) reflector.put(object)
    this.#covering(type, namespace)?.put(object)
  }

  #of(type: ResourceType): Followed[] {
    return [...this.#followed.values()].filter((each) => typeKey(each.type) === typeKey(type))
  }
}

function keyOf(type: ResourceType, { namespace, labelSelector, fieldSelector }: ListOptions): string {
  return JSON.stringify([typeKey(type), type.namespaced ? namespace : undefined, labelSelector, fieldSelector])
}

function typeKey({ group, version, plural }: ResourceType): string {
  return `${group}/${version}/${plural}`
}

/** Follows one object. The permission to get it does not include listing and watching. */
function objectFollower(live: Kube & Follower, name: string, namespace: string | undefined): Follower {
  return {
    async snapshot<T extends KubeObject>(type: ResourceType, options?: ListOptions) {
      const listed = await unless('CSNI203', live.snapshot<T>(type, options))
      if (listed !== undefined) return listed
      const object = await live.get<T>(type, name, namespace)
      return { items: object === undefined ? [] : [object], resourceVersion: object?.metadata.resourceVersion ?? '' }
    },
    watch: (...args) => live.watch(...args),
  }
}
