import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { ApiStatusError } from '../../../src/lib/cluster/api-errors.ts'
import type { ApplyOptions, Kube, KubeObject, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { CassSniError, throwIfAborted } from '../../../src/lib/errors.ts'
import { type Clock, Election } from '../../../src/lib/reconcile/lease.ts'

/** Time passes only with `advance`. */
class TestClock implements Clock {
  #now = 0
  readonly #sleepers = new Set<{ at: number; wake: () => void }>()

  now = () => this.#now
  date = () => this.#now
  random = () => 0.5
  pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { at: this.#now + ms, wake: resolve }
      const stop = () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      }
      if (signal.aborted) return stop()
      signal.addEventListener('abort', stop, { once: true })
      this.#sleepers.add(sleeper)
    })
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settled()
      const next = [...this.#sleepers].sort((one, other) => one.at - other.at)[0]
      if (next === undefined || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      this.#sleepers.delete(next)
      next.wake()
    }
    this.#now = end
    await settled()
  }
}

const settled = () => new Promise<void>((done) => setImmediate(done))

const conflict = (reason: string) => {
  return new CassSniError('CSNI211', reason, { cause: new ApiStatusError(409, reason) })
}

type Fault = 'fail' | 'hang' | undefined

/** An API server with one Lease: preconditions, and conflicts between field managers. */
class LeaseServer {
  lease: KubeObject | undefined
  writes: string[] = []
  #version = 0
  #manager = ''

  /** A client whose requests `fault` lets fail. */
  client(fault: () => Fault = () => undefined): Pick<Kube, 'get' | 'apply'> {
    const faulty = async () => {
      const kind = fault()
      if (kind === 'fail') throw new CassSniError('CSNI201', 'connection refused')
      if (kind === 'hang') await new Promise(() => undefined)
    }
    return {
      get: async <T extends KubeObject>() => {
        await faulty()
        return structuredClone(this.lease) as T | undefined
      },
      apply: async (_type: ResourceType, object: KubeObject, options: ApplyOptions = {}) => {
        await faulty()
        const { resourceVersion } = object.metadata
        if (resourceVersion !== undefined && resourceVersion !== this.lease?.metadata.resourceVersion)
          throw conflict('Conflict')
        if (this.lease !== undefined && options.force !== true && this.#manager !== options.manager)
          throw conflict('FieldManagerConflict')
        this.#manager = options.manager ?? ''
        this.writes.push(this.#manager)
        this.lease = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }
        return structuredClone(this.lease)
      },
    }
  }

  get spec(): Record<string, unknown> {
    return (this.lease?.['spec'] ?? {}) as Record<string, unknown>
  }
}

describe('a leader election', () => {
  let clock: TestClock
  let server: LeaseServer
  let stops: AbortController[]
  let leaders: Set<string>
  let log: string[]
  beforeEach(() => {
    clock = new TestClock()
    server = new LeaseServer()
    stops = []
    leaders = new Set()
    log = []
  })
  afterEach(() => {
    for (const stop of stops) stop.abort(new CassSniError('CSNI902', 'the test is over'))
  })

  const start = (
    identity: string,
    options: { fault?: () => Fault; lead?: (term: AbortSignal) => Promise<void> } = {},
  ) => {
    const stop = new AbortController()
    stops.push(stop)
    const failures: (string | undefined)[] = []
    const election = new Election({
      kube: server.client(options.fault),
      namespace: 'n',
      name: 'routes',
      identity,
      signal: stop.signal,
      clock,
      onFailure: (error) => failures.push(error?.message),
    })
    const lead = async (term: AbortSignal) => {
      leaders.add(identity)
      log.push(`+${identity}`)
      equal(leaders.size, 1, 'two leaders at once')
      await new Promise<void>((done) => term.addEventListener('abort', () => done(), { once: true }))
      leaders.delete(identity)
      log.push(`-${identity}`)
    }
    const running = election.run(options.lead ?? lead)
    running.catch(() => undefined)
    return {
      election,
      stop: (reason = new CassSniError('CSNI902', 'stopped')) => stop.abort(reason),
      running,
      failures,
    }
  }

  it('elects one of two, which renews every 2 s and stays leader', async () => {
    const one = start('a')
    const other = start('b')
    await clock.advance(120_000)
    deepEqual([...leaders], ['a'])
    deepEqual(log, ['+a'])
    equal(one.election.leader, 'a')
    equal(other.election.leader, 'a')
    ok(Math.abs(server.writes.length - 60) <= 2, String(server.writes.length))
    equal(server.spec['leaseTransitions'], 0)
    match(String(server.spec['renewTime']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  it('moves to another within the lease time after the leader has vanished', async () => {
    let dead = false
    start('a', { fault: () => (dead ? 'hang' : undefined) })
    await clock.advance(10_000)
    start('b')
    await clock.advance(10_000)
    dead = true
    leaders.delete('a')
    await clock.advance(15_000)
    // seen to change for the last time up to one pause of 4.4 s after it was written
    await clock.advance(4500)
    equal(log.includes('+b'), true)
    equal(server.spec['leaseTransitions'], 1)
    equal(server.spec['holderIdentity'], 'b')
  })

  it('is given up before others can take it over, when requests hang', async () => {
    let hangs = false
    const one = start('a', { fault: () => (hangs ? 'hang' : undefined) })
    start('b')
    await clock.advance(20_000)
    deepEqual(log, ['+a'])
    hangs = true
    await clock.advance(10_000)
    deepEqual(log, ['+a', '-a'])
    equal(server.spec['holderIdentity'], 'a')
    await clock.advance(15_000)
    deepEqual(log, ['+a', '-a', '+b'])
    match(one.failures.join(), /lease.coordination.k8s.io\/routes in namespace n: request timed out/)
  })

  it('survives failures that are shorter than the deadline, and reports the recovery', async () => {
    let fails = false
    const one = start('a', { fault: () => (fails ? 'fail' : undefined) })
    await clock.advance(10_000)
    fails = true
    await clock.advance(7000)
    fails = false
    await clock.advance(10_000)
    deepEqual(log, ['+a'])
    equal(one.failures.at(0), 'connection refused')
    equal(one.failures.at(-1), undefined)
  })

  it('leads again after the API server was away for two minutes', async () => {
    let away = false
    const fault = (): Fault => (away ? 'fail' : undefined)
    start('a', { fault })
    start('b', { fault })
    await clock.advance(10_000)
    away = true
    await clock.advance(120_000)
    equal(leaders.size, 0)
    away = false
    await clock.advance(5000)
    equal(leaders.size, 1)
  })

  it('is not fooled by clocks: a record with a time in the past or future is valid as long as it changes', async () => {
    const skewed = (time: string) => {
      const holder = { holderIdentity: 'other', leaseDurationSeconds: 15, leaseTransitions: 4 }
      server.lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'routes', namespace: 'n', resourceVersion: time },
        spec: { ...holder, renewTime: time },
      }
    }
    start('a')
    for (let second = 0; second < 60; second++) {
      skewed(`1970-01-01T00:00:${second}.000000Z`)
      await clock.advance(1000)
    }
    deepEqual(log, [])
    skewed('2999-01-01T00:00:00.000000Z')
    await clock.advance(20_000)
    deepEqual(log, ['+a'])
    equal(server.spec['leaseTransitions'], 5)
  })

  it('is released at the end, after the work has ended, so that the next takes over at once', async () => {
    let ended: () => void = () => undefined
    const one = start('a', {
      lead: (term) =>
        new Promise((resolve) => {
          ended = resolve
          term.addEventListener('abort', () => log.push('-a'), { once: true })
        }),
    })
    await clock.advance(5000)
    start('b')
    await clock.advance(1000)
    one.stop()
    await settled()
    deepEqual(log, ['-a'])
    equal(server.spec['holderIdentity'], 'a')
    ended()
    await rejects(one.running, /stopped/)
    equal(server.spec['holderIdentity'], '')
    equal(server.spec['leaseDurationSeconds'], 1)
    await clock.advance(4500)
    deepEqual(log, ['-a', '+b'])
  })

  it('is released also when the work ends at once', async () => {
    const one = start('a')
    await clock.advance(5000)
    one.stop()
    await rejects(one.running, /stopped/)
    deepEqual(log, ['+a', '-a'])
    equal(server.spec['holderIdentity'], '')
  })

  it('does not overwrite a Lease that another process has created at the same moment', async () => {
    for (const identity of ['a', 'b', 'c', 'd']) start(identity)
    await clock.advance(1)
    equal(leaders.size, 1)
    equal(server.writes.length, 1)
  })

  it('gives up at once when another process holds the lease', async () => {
    start('a')
    await clock.advance(3000)
    server.lease = {
      ...(server.lease as KubeObject),
      metadata: { name: 'routes', namespace: 'n', resourceVersion: 'x' },
      spec: { holderIdentity: 'z', leaseDurationSeconds: 15 },
    }
    await clock.advance(2000)
    deepEqual(log, ['+a', '-a'])
  })

  it('creates a deleted Lease again and stays leader', async () => {
    start('a')
    await clock.advance(3000)
    server.lease = undefined
    await clock.advance(4000)
    deepEqual(log, ['+a'])
    equal(server.spec['holderIdentity'], 'a')
  })

  it('ends with the error of the work, with the lease released', async () => {
    const one = start('a', { lead: async () => throwIfAborted(AbortSignal.abort(new Error('broken'))) })
    await rejects(one.running, /broken/)
    equal(server.spec['holderIdentity'], '')
  })
})
