import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CassandraNode } from '../../../src/lib/cassandra/datacenter.ts'
import { type Check, type CheckCode, fail, pass, skip } from '../../../src/lib/checks/check.ts'
import { runChecks } from '../../../src/lib/checks/run-checks.ts'
import { ApiStatusError } from '../../../src/lib/cluster/api-errors.ts'
import { CassSniError, command } from '../../../src/lib/errors.ts'
import type { WorkflowEvent } from '../../../src/lib/events.ts'
import { node } from '../../support/observed-datacenter.ts'

type Fake = Partial<Check<object>> & { code: CheckCode }

const check = (fake: Fake): Check<object> =>
  ({
    category: 'datacenter',
    title: `title of ${fake.code}`,
    severity: 'error',
    needs: [],
    perNode: false,
    run: async () => pass(),
    ...fake,
  }) as Check<object>

describe('runChecks', () => {
  const nodes = [node(0), node(1), node(2)]
  const forever = new AbortController().signal

  async function run(
    checks: Check<object>[],
    more: { nodes?: CassandraNode[]; strict?: boolean; signal?: AbortSignal; events?: WorkflowEvent[] } = {},
  ) {
    const emit = (event: WorkflowEvent) => more.events?.push(event)
    return runChecks({
      checks,
      probes: {},
      nodes: more.nodes ?? nodes,
      signal: more.signal ?? forever,
      emit,
      strict: more.strict ?? false,
    })
  }

  it('keeps the order of the registry and of the nodes, however long each takes', async () => {
    const { checks } = await run([
      check({ code: 'CSNI801', run: async () => (await sleep(20), pass('slow')) }),
      check({
        code: 'CSNI802',
        perNode: true,
        run: async (_probes: object, each: CassandraNode) => (await sleep(10 - each.ordinal * 5), pass(each.pod)),
      }),
    ])
    assert.deepEqual(
      checks.map(({ code, node: pod, note }) => [code, pod, note]),
      [
        ['CSNI801', undefined, 'slow'],
        ['CSNI802', 'dse-dc1-default-sts-0', 'dse-dc1-default-sts-0'],
        ['CSNI802', 'dse-dc1-default-sts-1', 'dse-dc1-default-sts-1'],
        ['CSNI802', 'dse-dc1-default-sts-2', 'dse-dc1-default-sts-2'],
      ],
    )
  })

  it('skips what needs a failed check, of the same node only, and names the one that began it', async () => {
    const { checks, ok, summary } = await run([
      check({
        code: 'CSNI801',
        perNode: true,
        run: async (_probes: object, each: CassandraNode) =>
          each.ordinal === 1 ? fail('broken', command`kubectl mend`) : pass(),
      }),
      check({ code: 'CSNI802', perNode: true, needs: ['CSNI801'] }),
      check({ code: 'CSNI803', perNode: true, needs: ['CSNI802'] }),
    ])
    assert.equal(ok, false)
    assert.deepEqual(summary, { total: 9, passed: 6, failed: 1, warnings: 0, skipped: 2, unknown: 0 })
    assert.deepEqual(
      checks
        .filter(({ result }) => result !== 'pass')
        .map(({ code, node: pod, result, reason, next }) => [code, pod, result, reason, next]),
      [
        ['CSNI801', 'dse-dc1-default-sts-1', 'fail', 'broken', [command`kubectl mend`]],
        ['CSNI802', 'dse-dc1-default-sts-1', 'skipped', 'requires CSNI801 (title of CSNI801)', undefined],
        ['CSNI803', 'dse-dc1-default-sts-1', 'skipped', 'requires CSNI801 (title of CSNI801)', undefined],
      ],
    )
  })

  it('makes a check of the whole wait for all nodes of one that it needs', async () => {
    const { checks } = await run([
      check({
        code: 'CSNI801',
        perNode: true,
        run: async (_probes: object, each: CassandraNode) => (each.ordinal === 2 ? skip('no right') : pass()),
      }),
      check({ code: 'CSNI802', needs: ['CSNI801'] }),
    ])
    assert.equal(checks.at(-1)?.reason, 'requires CSNI801 (title of CSNI801)')
  })

  it('goes on after a failed warning, which fails only a strict verification', async () => {
    const checks = [
      check({ code: 'CSNI801', severity: 'warning', run: async () => fail('not nice') }),
      check({ code: 'CSNI802', needs: ['CSNI801'] }),
    ]
    const lenient = await run(checks)
    assert.deepEqual(
      lenient.checks.map(({ result }) => result),
      ['warning', 'pass'],
    )
    assert.equal(lenient.ok, true)
    assert.equal((await run(checks, { strict: true })).ok, false)
  })

  it('does not know what it could not look at: that fails the run, and skips what needs it', async () => {
    const down = new CassSniError('CSNI201', 'the API server cannot be reached', {
      next: [command`kubectl cluster-info`],
    })
    const { checks, ok, summary } = await run([
      check({ code: 'CSNI801', run: () => Promise.reject(down) }),
      check({ code: 'CSNI802', needs: ['CSNI801'] }),
      check({ code: 'CSNI803', unless: ['CSNI801'] }),
    ])
    assert.deepEqual(
      checks.map(({ result, reason, next }) => [result, reason, next]),
      [
        ['unknown', 'the API server cannot be reached', [command`kubectl cluster-info`]],
        ['skipped', 'requires CSNI801 (title of CSNI801)', undefined],
        ['pass', undefined, undefined],
      ],
    )
    assert.equal(ok, false)
    assert.deepEqual(summary, { total: 3, passed: 1, failed: 0, warnings: 0, skipped: 1, unknown: 1 })
  })

  it('takes an answer of the API server in place of a tunnel for unknown, one of the far end for a failure', async () => {
    const busy = new CassSniError('CSNI601', 'connection to port 15000 of pod gw failed', {
      cause: new ApiStatusError(503, ''),
    })
    const { checks } = await run([
      check({ code: 'CSNI801', run: () => Promise.reject(busy) }),
      check({ code: 'CSNI802', run: () => Promise.reject(new CassSniError('CSNI601', 'connection refused')) }),
    ])
    assert.deepEqual(
      checks.map(({ result }) => result),
      ['unknown', 'fail'],
    )
  })

  it('skips a check after a failed one that forbids it, but not after one that was skipped', async () => {
    const { checks } = await run([
      check({ code: 'CSNI801', run: async () => skip('no permission') }),
      check({ code: 'CSNI802', run: async () => fail('off') }),
      check({ code: 'CSNI803', unless: ['CSNI801'] }),
      check({ code: 'CSNI804', unless: ['CSNI802'] }),
    ])
    assert.deepEqual(
      checks.slice(2).map(({ result, reason }) => [result, reason]),
      [
        ['pass', undefined],
        ['skipped', 'requires CSNI802 (title of CSNI802)'],
      ],
    )
  })

  it('takes a known error as failure, a missing right as skip, anything else as a bug', async () => {
    const forbidden = new CassSniError('CSNI203', 'you may not get secrets')
    const { checks } = await run([
      check({
        code: 'CSNI801',
        run: () => Promise.reject(new CassSniError('CSNI601', 'no way in', { next: [command`kubectl look`] })),
      }),
      check({ code: 'CSNI802', run: () => Promise.reject(forbidden) }),
      check({
        code: 'CSNI803',
        run: () => Promise.reject(new CassSniError('CSNI304', 'the login cannot be read', { cause: forbidden })),
      }),
    ])
    assert.deepEqual(
      checks.map(({ result, reason, next, denied }) => [result, reason, next, denied]),
      [
        ['fail', 'no way in', [command`kubectl look`], undefined],
        ['skipped', 'you may not get secrets', undefined, true],
        ['skipped', 'the login cannot be read', undefined, true],
      ],
    )
    await assert.rejects(
      () => run([check({ code: 'CSNI801', run: () => Promise.reject(new TypeError('x is not a function')) })]),
      { code: 'CSNI903' },
    )
  })

  it('runs at most eight at once', async () => {
    let now = 0
    let most = 0
    const many = Array.from({ length: 40 }, (_, ordinal) => node(ordinal))
    const { summary } = await run(
      [
        check({
          code: 'CSNI801',
          perNode: true,
          run: async () => {
            now += 1
            most = Math.max(most, now)
            await sleep(2)
            now -= 1
            return pass()
          },
        }),
      ],
      { nodes: many },
    )
    assert.equal(summary.passed, 40)
    assert.equal(most, 8)
  })

  it('stops with the reason of the signal', async () => {
    const stop = new AbortController()
    const running = run(
      [
        check({ code: 'CSNI801', run: async () => (await sleep(20), pass()) }),
        check({ code: 'CSNI802', needs: ['CSNI801'] }),
      ],
      {
        signal: stop.signal,
      },
    )
    stop.abort(new CassSniError('CSNI902', 'interrupted'))
    await assert.rejects(running, { code: 'CSNI902' })
  })

  it('tells each category as a step', async () => {
    const events: WorkflowEvent[] = []
    await run(
      [check({ code: 'CSNI801' }), check({ code: 'CSNI821', category: 'routes', run: async () => fail('broken') })],
      { events },
    )
    assert.deepEqual(
      events.map((event) => (event.type === 'step' ? [event.id, event.state, event.note] : event)),
      [
        ['datacenter', 'started', undefined],
        ['routes', 'started', undefined],
        ['datacenter', 'done', '1 of 1 passed'],
        ['routes', 'failed', '0 of 1 passed'],
      ],
    )
  })
})
