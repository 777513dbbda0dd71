/**
 * A copy of the objects of a kind, kept up to date by a list and a watch. The rules are those of
 * kubernetes/client-go tools/cache/reflector.go.
 */
import { asCassSniError, CassSniError, throwIfAborted } from '../errors.ts'
import { backOff } from '../waiting/back-off.ts'
import { pause } from '../waiting/poll.ts'
import type { Follower, KubeObject, ListOptions, ResourceType } from './kube.ts'
import { ApiStatusError, statusOf } from './api-errors.ts'

export interface ReflectorOptions<T> {
  /** Ends the reflector. */
  signal: AbortSignal
  /**
   * Called after a change, with the current object, or the last known one if it was deleted; without one when the
   * objects are withheld, or no longer, because the list is refused. Must not throw.
   */
  onChange: (object?: T) => void
  /**
   * Called when watching fails, and with undefined when it has recovered. A refused list is not reported: `objects`
   * throws it, and the reader may do without. Must not throw.
   */
  onFailure?: ((error: CassSniError | undefined) => void) | undefined
  /** The form in which an object is kept. Default: as received. */
  stored?: ((object: T) => T) | undefined
  /** For tests: pauses in ms. */
  timing?: Partial<ReflectorTiming> | undefined
}

export interface ReflectorTiming {
  /** The first pause after a failure. */
  firstMs: number
  /** The longest one. */
  longestMs: number
  /** After this time without a failure the back-off starts again. */
  resetMs: number
  /** Between two lists if watching is forbidden. */
  pollMs: number
  /** A watch that ends earlier, without an event, counts as failed. */
  shortestMs: number
}

const TIMING: ReflectorTiming = {
  firstMs: 800,
  longestMs: 30_000,
  resetMs: 120_000,
  pollMs: 30_000,
  shortestMs: 1_000,
}

/** Counts since the start. */
export interface ReflectorCounts {
  lists: number
  watches: number
  events: number
  failures: number
  /** Changes that no event reported, found by a later list. */
  missed: number
}

export class Reflector<T extends KubeObject = KubeObject> {
  readonly counts: ReflectorCounts = { lists: 0, watches: 0, events: 0, failures: 0, missed: 0 }
  readonly #follower: Follower
  readonly #type: ResourceType
  readonly #selection: ListOptions
  readonly #options: ReflectorOptions<T>
  readonly #timing: ReflectorTiming
  #objects: Map<string, T> | undefined
  #version = ''
  /** The error of a refused list. Objects are withheld then: the permission to read them may have been revoked. */
  #refusal: CassSniError | undefined
  #listedAt = 0
  #failing = false
  #failedAt = Number.NEGATIVE_INFINITY
  #nextPause: () => number
  #settleFirst: (error?: unknown) => void = () => undefined
  readonly #first: Promise<void>

  constructor(follower: Follower, type: ResourceType, selection: ListOptions, options: ReflectorOptions<T>) {
    this.#follower = follower
    this.#type = type
    this.#selection = selection
    this.#options = options
    this.#timing = { ...TIMING, ...options.timing }
    this.#nextPause = backOff(this.#timing)
    this.#first = new Promise((resolve, reject) => {
      this.#settleFirst = (error) => (error === undefined ? resolve() : reject(error))
    })
    this.#first.catch(() => undefined)
  }

  /** Lists and watches until the signal is aborted, then resolves. */
  async run(): Promise<void> {
    const { signal } = this.#options
    try {
      for (;;) {
        throwIfAborted(signal)
        try {
          await this.#list()
        } catch (error) {
          await this.#failed(error)
          continue
        }
        await this.#follow()
      }
    } catch (error) {
      this.#settleFirst(error)
      if (!signal.aborted) throw error
    }
  }

  /** Returns the objects after the first list. Throws the error of the first list, or of a later refused one. */
  async objects(): Promise<T[]> {
    if (this.#objects === undefined) await this.#first
    if (this.#refusal !== undefined) throw this.#refusal
    return [...(this.#objects?.values() ?? [])]
  }

  /** Returns whether the object is known. */
  has(name: string, namespace: string | undefined): boolean {
    return this.#objects?.has(keyOf(name, namespace)) === true
  }

  /** Stores the object returned by a write; its event follows later. */
  put(object: T): void {
    const key = keyOf(object.metadata.name, object.metadata.namespace)
    const known = this.#objects?.get(key)
    if (this.#objects === undefined || isOlder(object, known)) return
    this.#objects.set(key, this.#stored(object))
  }

  /** Takes over that the server has deleted an object. */
  drop(name: string, namespace: string | undefined): void {
    this.#objects?.delete(keyOf(name, namespace))
  }

  async #list(): Promise<void> {
    this.counts.lists++
    let snapshot: Awaited<ReturnType<Follower['snapshot']>>
    try {
      snapshot = await this.#follower.snapshot<T>(this.#type, this.#selection)
    } catch (error) {
      throwIfAborted(this.#options.signal)
      const reason = asCassSniError(error)
      // other errors are temporary, and the known objects are kept
      if (this.#objects === undefined || isRefusal(reason)) {
        const withheld = this.#objects !== undefined && this.#refusal === undefined
        this.#refusal = reason
        this.#settleFirst(reason)
        if (withheld) this.#options.onChange()
      }
      throw error
    }
    const first = this.#objects === undefined
    const before = this.#objects ?? new Map<string, T>()
    const found = new Map((snapshot.items as T[]).map((object) => [keyOfObject(object), this.#stored(object)]))
    const wasRefused = this.#refusal !== undefined
    this.#objects = found
    this.#listedAt = performance.now()
    this.#version = snapshot.resourceVersion
    this.#refusal = undefined
    this.#settleFirst()
    this.#worked()
    if (wasRefused) this.#options.onChange()
    const changed = [
      ...[...found].filter(
        ([key, { metadata }]) => before.get(key)?.metadata.resourceVersion !== metadata.resourceVersion,
      ),
      ...[...before].filter(([key]) => !found.has(key)),
    ]
    if (!first) this.counts.missed += changed.length
    for (const [, object] of changed) this.#options.onChange(object)
  }

  /** Watches repeatedly until a new list is required. */
  async #follow(): Promise<void> {
    for (;;) {
      try {
        await this.#watch()
        this.#worked()
      } catch (error) {
        throwIfAborted(this.#options.signal)
        const status = statusOf(error)
        if (isTooOld(error)) {
          // normal after a long disconnection, but not right after a list
          if (performance.now() - this.#listedAt < this.#timing.shortestMs) await this.#failed(error)
          return
        }
        if (status === 403 || status === 405) {
          // the permission to list without watching: poll
          await pause(this.#timing.pollMs, this.#options.signal)
          return
        }
        await this.#failed(error)
        if (status === 404 || status === 401) return
      }
    }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#options
    const startedAt = performance.now()
    let events = 0
    let accepted: NodeJS.Timeout | undefined
    this.counts.watches++
    try {
      for await (const event of this.#follower.watch<T>(this.#type, this.#selection, this.#version, signal)) {
        if (event.type === 'ACCEPTED') {
          // a watch that ends earlier counts as failed
          accepted = setTimeout(() => this.#worked(), this.#timing.shortestMs)
          continue
        }
        events++
        this.#worked()
        if (event.type === 'BOOKMARK') this.#version = event.resourceVersion
        else this.#take(event.type, event.object)
      }
    } finally {
      clearTimeout(accepted)
    }
    throwIfAborted(signal)
    if (events === 0 && performance.now() - startedAt < this.#timing.shortestMs)
      throw new CassSniError('CSNI208', `the API server closed the watch of ${this.#type.plural} immediately`)
  }

  #take(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    this.counts.events++
    this.#version = object.metadata.resourceVersion ?? this.#version
    const key = keyOfObject(object)
    const known = this.#objects?.get(key)
    // older than an own write that was stored before its event
    if (isOlder(object, known)) return
    if (type === 'DELETED') this.#objects?.delete(key)
    else this.#objects?.set(key, this.#stored(object))
    this.#options.onChange(object)
  }

  #stored(object: T): T {
    return this.#options.stored?.(object) ?? object
  }

  #worked(): void {
    if (!this.#failing) return
    this.#failing = false
    this.#options.onFailure?.(undefined)
  }

  async #failed(error: unknown): Promise<void> {
    const { signal, onFailure } = this.#options
    throwIfAborted(signal)
    this.counts.failures++
    const now = performance.now()
    if (now - this.#failedAt > this.#timing.resetMs) this.#nextPause = backOff(this.#timing)
    this.#failedAt = now
    const reason = asCassSniError(error)
    if (isRefusal(reason)) this.#worked()
    else {
      this.#failing = true
      onFailure?.(reason)
    }
    await pause(this.#nextPause(), signal)
  }
}

/** Permission denied, or the kind is not served: retried, but not expected to change soon. */
function isRefusal({ code }: CassSniError): boolean {
  return code === 'CSNI203' || code === 'CSNI205'
}

/** The version has expired, or is newer than the server's own (a restored etcd). */
function isTooOld(error: unknown): boolean {
  if (statusOf(error) === 410) return true
  const cause = error instanceof Error ? error.cause : undefined
  return (
    cause instanceof ApiStatusError && (cause.reason === 'Expired' || cause.causes.includes('ResourceVersionTooLarge'))
  )
}

function keyOfObject({ metadata }: KubeObject): string {
  return keyOf(metadata.name, metadata.namespace)
}

function keyOf(name: string, namespace = ''): string {
  return `${namespace}/${name}`
}

/**
 * Versions of one kind can be compared as numbers (kubernetes/enhancements KEP-5504; so in every server that keeps its
 * objects in etcd). What is not a number is not compared.
 */
function isOlder(object: KubeObject, known: KubeObject | undefined): boolean {
  const [one, other] = [object, known].map((each) => each?.metadata.resourceVersion)
  if (one === undefined || other === undefined || object.metadata.uid !== known?.metadata.uid) return false
  return /^\d+$/.test(one) && /^\d+$/.test(other) && BigInt(one) < BigInt(other)
}
