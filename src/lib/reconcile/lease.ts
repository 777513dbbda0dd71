/**
 * Leader election by a Lease: a port of kubernetes/client-go tools/leaderelection. Times in the record are never
 * compared with the local clock, because clocks differ: a lease has expired once its record has not been seen to change
 * for its duration.
 */
import { FIELD_MANAGER, MANAGED_BY_LABEL, managerOf } from '../changes/ownership.ts'
import { statusOf } from '../cluster/api-errors.ts'
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { apiVersionOf, LEASE } from '../cluster/resources.ts'
import { asCassSniError, CassSniError, throwIfAborted } from '../errors.ts'
import { pause } from '../waiting/poll.ts'

export interface LeaseTiming {
  /** How long others wait for a renewal before they take over. */
  durationMs: number
  /** How long the leader tries to renew before it gives up; shorter than `durationMs`. */
  renewDeadlineMs: number
  /** Between two attempts. */
  retryMs: number
}

export interface Clock {
  /** In ms; only moves forward. */
  now(): number
  /** Milliseconds since the epoch. */
  date(): number
  /** Rejects with the signal's reason if aborted. */
  pause(ms: number, signal: AbortSignal): Promise<void>
  /** In [0, 1). */
  random(): number
}

export interface ElectionOptions {
  kube: Pick<Kube, 'get' | 'apply'>
  namespace: string
  name: string
  /** Unique to this process. */
  identity: string
  /** Ends the election. The client must still accept requests then, to release the lease. */
  signal: AbortSignal
  /** Called when reading or writing the Lease fails, and with undefined when it works again. Must not throw. */
  onFailure?: ((error: CassSniError | undefined) => void) | undefined
  timing?: LeaseTiming | undefined
  /** For tests. */
  clock?: Clock | undefined
}

/** The defaults of Kubernetes' own components (kubernetes/component-base config/v1alpha1/defaults.go). */
const TIMING: LeaseTiming = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 }
/** Prevents candidates from retrying at the same moment: the pause is between 1 and 2.2 times `retryMs`. */
const JITTER = 1.2
/** The time limit for releasing the lease. */
const RELEASE_MS = 3000

const CLOCK: Clock = { now: () => performance.now(), date: Date.now, pause, random: Math.random }

/** The specification of a Lease. All of it is untrusted. */
interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

type Lease = KubeObject & { spec?: LeaseSpec }

export class Election {
  readonly #options: ElectionOptions
  readonly #timing: LeaseTiming
  readonly #clock: Clock
  /** The last known Lease, and when this record was first seen. */
  #seen: { lease: Lease; at: number } | undefined
  #failing = false

  constructor(options: ElectionOptions) {
    this.#options = options
    this.#timing = options.timing ?? TIMING
    this.#clock = options.clock ?? CLOCK
  }

  /** The identity of the last known leader; undefined without one. */
  get leader(): string | undefined {
    return this.#seen?.lease.spec?.holderIdentity || undefined
  }

  /**
   * Waits for leadership and calls `lead`, again after each loss, until the signal is aborted; then rejects with its
   * reason. `term` is aborted when leadership ends. `lead` must resolve soon afterwards: the lease is released, or
   * applied for again, only then. If `lead` rejects, so does this, with the lease released.
   */
  async run(lead: (term: AbortSignal) => Promise<void>): Promise<never> {
    const { signal } = this.#options
    for (;;) {
      const acquiredAt = await this.#acquire()
      const term = new AbortController()
      const leading = lead(AbortSignal.any([signal, term.signal]))
      let release = true
      try {
        await Promise.race([this.#renewUntilLost(acquiredAt, term.signal), leading])
        release = false
      } finally {
        term.abort(new CassSniError('CSNI902', `lost lease ${this.#options.namespace}/${this.#options.name}`))
        await leading.finally(async () => (release || signal.aborted ? this.#release() : undefined))
      }
    }
  }

  /** Resolves with the time at which the successful request was sent. */
  async #acquire(): Promise<number> {
    const { signal } = this.#options
    const { retryMs, renewDeadlineMs } = this.#timing
    for (;;) {
      throwIfAborted(signal)
      const sentAt = this.#clock.now()
      if (await this.#attempt(renewDeadlineMs)) return sentAt
      await this.#clock.pause(retryMs * (1 + JITTER * this.#clock.random()), signal)
    }
  }

  /** Renews the lease. Resolves when the deadline has passed without a renewal, or when another process holds it. */
  async #renewUntilLost(acquiredAt: number, term: AbortSignal): Promise<void> {
    const { signal, identity } = this.#options
    const { retryMs, renewDeadlineMs } = this.#timing
    let renewedAt = acquiredAt
    for (;;) {
      const left = () => renewedAt + renewDeadlineMs - this.#clock.now()
      await this.#clock.pause(Math.max(0, Math.min(retryMs, left())), AbortSignal.any([signal, term]))
      if (left() <= 0) return
      const sentAt = this.#clock.now()
      if (await this.#attempt(left())) renewedAt = sentAt
      else if (this.leader !== undefined && this.leader !== identity) return
    }
  }

  /** Acquires or renews the lease. Resolves with whether this process holds it. Never rejects. */
  async #attempt(limitMs: number): Promise<boolean> {
    const { onFailure, signal } = this.#options
    try {
      const held = await this.#within(limitMs, this.#acquireOrRenew())
      if (this.#failing) onFailure?.(undefined)
      this.#failing = false
      return held
    } catch (error) {
      if (signal.aborted) return false
      this.#failing = true
      onFailure?.(asCassSniError(error))
      return false
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const { kube, namespace, name, identity } = this.#options
    const known = this.#seen?.lease
    // the leader does not need to read its own record
    if (known?.spec?.holderIdentity === identity && (await this.#write(known))) return true
    const lease = await kube.get<Lease>(LEASE, name, namespace)
    if (lease === undefined) return this.#write(undefined)
    this.#see(lease)
    const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {}
    const validUntil = (this.#seen?.at ?? 0) + leaseDurationSeconds * 1000
    if (holderIdentity !== '' && holderIdentity !== identity && validUntil > this.#clock.now()) return false
    return this.#write(lease)
  }

  /** Remembers the Lease, and the time if its record differs from the last one. */
  #see(lease: Lease): void {
    const same = JSON.stringify(lease.spec) === JSON.stringify(this.#seen?.lease.spec)
    this.#seen = { lease, at: same && this.#seen !== undefined ? this.#seen.at : this.#clock.now() }
  }

  /** Makes this process the holder, bound to the known version. Resolves with false if another client was faster. */
  async #write(known: Lease | undefined): Promise<boolean> {
    const { identity } = this.#options
    const { holderIdentity, acquireTime, leaseTransitions = 0 } = known?.spec ?? {}
    const time = microTime(this.#clock.date())
    const renewal = holderIdentity === identity
    return this.#send(known, {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#timing.durationMs / 1000),
      acquireTime: renewal ? (acquireTime ?? time) : time,
      renewTime: time,
      leaseTransitions: renewal || known === undefined ? leaseTransitions : leaseTransitions + 1,
    })
  }

  /**
   * Applies the record. A new Lease is applied without force: if another process creates it first, under its own field
   * manager, that is a conflict.
   */
  async #send(known: Lease | undefined, spec: LeaseSpec): Promise<boolean> {
    const { kube, namespace, name, identity } = this.#options
    const { uid, resourceVersion } = known?.metadata ?? {}
    const object: KubeObject = {
      apiVersion: apiVersionOf(LEASE),
      kind: LEASE.kind,
      metadata: { name, namespace, uid, resourceVersion, labels: { [MANAGED_BY_LABEL]: FIELD_MANAGER } },
      spec,
    }
    try {
      const written = await kube.apply(LEASE, object, {
        force: known !== undefined,
        manager: managerOf(`lease.${identity}`),
      })
      this.#see(written)
      return true
    } catch (error) {
      if (statusOf(error) === 409) return false
      throw error
    }
  }

  /** Lets the next candidate take over at its next attempt. Never rejects. */
  async #release(): Promise<void> {
    const known = this.#seen?.lease
    if (known === undefined || this.leader !== this.#options.identity) return
    const time = microTime(this.#clock.date())
    const { leaseTransitions = 0 } = known.spec ?? {}
    const empty = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: time, renewTime: time, leaseTransitions }
    try {
      await this.#within(RELEASE_MS, this.#send(known, empty))
    } catch (error) {
      this.#options.onFailure?.(asCassSniError(error))
    }
  }

  /** Rejects with CSNI201 if the work takes longer. */
  async #within<T>(ms: number, work: Promise<T>): Promise<T> {
    const { namespace, name } = this.#options
    const over = new AbortController()
    const late = this.#clock.pause(ms, over.signal).then(() => {
      throw new CassSniError(
        'CSNI201',
        `lease.coordination.k8s.io/${name} in namespace ${namespace}: request timed out`,
      )
    })
    try {
      return await Promise.race([work, late])
    } finally {
      over.abort(new CassSniError('CSNI901', 'done'))
    }
  }
}

/** A MicroTime, which has six digits (kubernetes/apimachinery pkg/apis/meta/v1/micro_time.go). */
function microTime(date: number): string {
  return new Date(date).toISOString().replace('Z', '000Z')
}
