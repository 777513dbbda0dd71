import assert from 'node:assert/strict'
import { applyChanges, conflictError, retryOvertaken } from '../../../src/lib/changes/apply.ts'
import type { Desired } from '../../../src/lib/changes/changeset.ts'
import { ownedLabels } from '../../../src/lib/changes/ownership.ts'
import { changeSet, changesIn, planChanges } from '../../../src/lib/changes/change-plan.ts'
import type { Kube, KubeObject, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { ApiStatusError } from '../../../src/lib/cluster/api-errors.ts'
import { CONFIG_MAP, SECRET, SERVICE } from '../../../src/lib/cluster/resources.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { WorkflowEvent } from '../../../src/lib/events.ts'
import { nextTexts } from '../../support/next-texts.ts'

const make = (name: string, data: Record<string, string>, labels = ownedLabels('dc1')): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'ns', labels },
  data,
})
const own = (name: string, data: Record<string, string>): Desired => ({
  type: CONFIG_MAP,
  ownership: 'own',
  object: make(name, data),
})
const prune = { types: [CONFIG_MAP], namespace: 'ns', labelSelector: 'x' }

/** A cluster of ConfigMaps that records what it is asked for. */
function fakeKube(objects: KubeObject[]) {
  const store = new Map(
    objects.map((object, index) => [
      object.metadata.name,
      { ...object, metadata: { ...object.metadata, uid: `uid-${index}` } },
    ]),
  )
  const asked: string[] = []
  /** What the next applies come to, in order. */
  const failures: (CassSniError | undefined)[] = []
  const kube = {
    get: async (_type: ResourceType, name: string) => {
      asked.push(`get ${name}`)
      return store.get(name)
    },
    list: async (type: ResourceType) => {
      asked.push(`list ${type.plural}`)
      return type.kind === 'ConfigMap' ? [...store.values()] : []
    },
    apply: async (_type: ResourceType, object: KubeObject, options: { force?: boolean }) => {
      asked.push(`apply ${object.metadata.name} uid=${object.metadata.uid ?? ''} force=${options.force === true}`)
      const failure = failures.shift()
      if (failure !== undefined) throw failure
      return object
    },
    delete: async (_type: ResourceType, name: string, _namespace: string, options: { uid?: string }) => {
      asked.push(`delete ${name} uid=${options.uid ?? ''}`)
      return true
    },
  }
  return { kube: kube as unknown as Kube, asked, failures, store }
}

const context = (kube: Kube, dryRun = false) => {
  const events: WorkflowEvent[] = []
  return {
    kube,
    signal: new AbortController().signal,
    emit: (event: WorkflowEvent) => void events.push(event),
    dryRun,
    events,
  }
}

describe('planning and applying', () => {
  it('writes what differs in the given order, prunes last, and tells of every object', async () => {
    const { kube, asked } = fakeKube([make('same', { a: '1' }), make('other', { a: '1' }), make('old', {})])
    const set = await planChanges(
      kube,
      [own('new', { a: '1' }), own('same', { a: '1' }), own('other', { a: '2' })],
      prune,
    )
    assert.deepEqual(asked.splice(0), ['list configmaps', 'get new'])
    const run = context(kube)
    const records = await applyChanges(run, set)
    assert.deepEqual(asked, ['apply new uid= force=false', 'apply other uid=uid-1 force=true', 'delete old uid=uid-2'])
    assert.deepEqual(
      records.map((one) => `${one.object} ${one.action} ${one.fields ?? ''}`.trim()),
      [
        'configmap/new created',
        'configmap/same unchanged',
        'configmap/other configured data.a',
        'configmap/old pruned',
      ],
    )
    assert.equal(run.events.length, 4)
  })

  it('sends nothing in a dry run, and nothing when nothing differs', async () => {
    const { kube, asked } = fakeKube([make('same', { a: '1' }), make('old', {})])
    const records = await applyChanges(
      context(kube, true),
      await planChanges(kube, [own('same', { a: '1' }), own('new', {})], prune),
    )
    assert.deepEqual(
      records.map((one) => [one.action, one.dryRun]),
      [
        ['unchanged', true],
        ['created', true],
        ['pruned', true],
      ],
    )
    await applyChanges(context(kube), await planChanges(kube, [own('same', { a: '1' })]))
    assert.deepEqual(
      asked.filter((each) => !/^(get|list)/.test(each)),
      [],
    )
  })

  it('does not prune what lacks our label, whatever the selector says', async () => {
    const { kube } = fakeKube([make('theirs', {}, {})])
    assert.deepEqual((await planChanges(kube, [], prune)).stages, [])
  })

  it('writes nothing at all when there is a conflict', async () => {
    const { kube, asked } = fakeKube([make('theirs', {}, { 'app.kubernetes.io/managed-by': 'Helm' })])
    const run = context(kube)
    await assert.rejects(applyChanges(run, await planChanges(kube, [own('new', {}), own('theirs', {})])), {
      code: 'CSNI210',
      message: /configmap\/theirs.*Helm/,
      object: 'configmap/theirs in namespace ns',
    })
    assert.ok(asked.every((each) => each.startsWith('get')))
    assert.equal(run.events.length, 1)
  })

  it('does not propose to adopt a Secret of another program', () => {
    const stepsFor = (type: ResourceType) => {
      const desired = { ...own('theirs', {}), type }
      const { next } = conflictError([
        { action: 'conflict', type, name: 'theirs', namespace: 'ns', desired, fields: [] },
      ])
      return nextTexts(next).join('\n')
    }
    assert.match(stepsFor(CONFIG_MAP), /kubectl label configmaps theirs -n ns .*managed-by=kubectl-cass-sni/)
    assert.doesNotMatch(stepsFor(SECRET), /label/)
    assert.match(stepsFor(SECRET), /choose another name, or delete the Secret if no program uses it/)
  })

  it('writes nothing at all when one object is too large for etcd', async () => {
    const { kube, asked } = fakeKube([])
    const set = await planChanges(kube, [own('new', {}), own('large', { text: 'x'.repeat(1.5 * 1024 * 1024) })])
    for (const dryRun of [false, true])
      await assert.rejects(applyChanges(context(kube, dryRun), set), {
        code: 'CSNI213',
        message: /^configmap\/large in namespace ns: object of 1\.50 MiB is too large: etcd accepts 1\.47 MiB$/,
        object: 'configmap/large in namespace ns',
      })
    assert.deepEqual(asked, ['get new', 'get large'])
  })

  it('wants an object that must exist', async () => {
    const { kube } = fakeKube([])
    await assert.rejects(
      planChanges(kube, [{ ...own('gw', {}), type: SERVICE, ownership: 'share', mustExist: true }]),
      {
        code: 'CSNI204',
        message: 'service/gw in namespace ns: not found',
      },
    )
  })

  it('compares again when somebody else was faster, a few times', async () => {
    const race = () => new CassSniError('CSNI206', 'changed meanwhile', { cause: new ApiStatusError(409, 'Conflict') })
    const one = fakeKube([make('x', { a: '1' })])
    one.failures.push(race())
    const set = await planChanges(one.kube, [own('x', { a: '2' })])
    await applyChanges(context(one.kube), set)
    assert.deepEqual(one.asked, ['get x', 'apply x uid=uid-0 force=true', 'get x', 'apply x uid=uid-0 force=true'])
    one.failures.push(race(), race(), race(), race(), race())
    await assert.rejects(applyChanges(context(one.kube), set), { code: 'CSNI211' })
    assert.equal(one.failures.length, 0)
  })

  it('does not apply again what was decided on another version of the object', async () => {
    const one = fakeKube([make('x', { a: '1' })])
    one.failures.push(new CassSniError('CSNI206', 'changed meanwhile', { cause: new ApiStatusError(409, 'Conflict') }))
    const set = await planChanges(one.kube, [{ ...own('x', { a: '2' }), basedOn: { live: one.store.get('x') } }])
    await assert.rejects(applyChanges(context(one.kube), set), { code: 'CSNI211' })
    assert.deepEqual(one.asked, ['apply x uid=uid-0 force=true'])
  })

  it('decides again after it was overtaken, and tells each object once', async () => {
    const one = fakeKube([make('x', { a: '1' })])
    const run = { ...context(one.kube), reported: new Map() }
    one.failures.push(
      undefined,
      new CassSniError('CSNI206', 'changed meanwhile', { cause: new ApiStatusError(409, 'Conflict') }),
    )
    const records = await retryOvertaken(run.signal, async () => {
      const basedOn = { live: one.store.get('x') }
      const done = one.asked.includes('apply new uid= force=false')
      const live = done ? make('new', {}) : undefined
      const set = await planChanges(one.kube, [
        { ...own('new', {}), basedOn: { live } },
        { ...own('x', { a: '2' }), basedOn },
      ])
      return applyChanges(run, set)
    })
    assert.deepEqual(
      records.map((each) => `${each.object} ${each.action}`),
      ['configmap/new created', 'configmap/x configured'],
    )
    assert.equal(run.events.length, 2)
  })

  it('does without a hold on what others put there already, where it may not write', async () => {
    const there = make('gw', { a: '1' }, {})
    there.metadata.managedFields = [
      { manager: 'kubectl-cass-sni/other', operation: 'Apply', fieldsV1: { 'f:data': { 'f:a': {} } } },
    ]
    const one = fakeKube([there])
    const share = (data: Record<string, string>): Desired => ({
      type: CONFIG_MAP,
      ownership: 'share',
      managerSuffix: 'me',
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'gw', namespace: 'ns' }, data },
    })
    const forbidden = () => new CassSniError('CSNI203', 'you may not patch configmaps')
    one.failures.push(forbidden())
    const [record] = await applyChanges(context(one.kube), await planChanges(one.kube, [share({ a: '1' })]))
    assert.equal(record?.action, 'unchanged')
    assert.match(record?.reason ?? '', /owned by other field managers only \(you may not patch/)
    one.failures.push(forbidden())
    await assert.rejects(applyChanges(context(one.kube), await planChanges(one.kube, [share({ b: '1' })])), {
      code: 'CSNI203',
    })
  })

  it('never creates what must exist, however often it looks', async () => {
    const one = fakeKube([make('gw', { a: '1' }, {})])
    const desired: Desired = { ...own('gw', { a: '2' }), ownership: 'share', mustExist: true }
    const set = await planChanges(one.kube, [desired])
    one.store.clear()
    one.failures.push(new CassSniError('CSNI206', 'changed meanwhile', { cause: new ApiStatusError(409, 'Conflict') }))
    await assert.rejects(applyChanges(context(one.kube), set), { code: 'CSNI204' })
    assert.deepEqual(one.asked, ['get gw', 'apply gw uid=uid-0 force=false', 'get gw'])
  })

  it('makes an object anew when the one that is there is gone, and refuses one of others that is going', async () => {
    const leaving = make('x', { a: '1' })
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    const one = fakeKube([leaving])
    const set = await planChanges(one.kube, [own('x', { a: '1' })])
    assert.deepEqual(
      changesIn(set).map(({ action, reason }) => `${action} ${reason}`),
      ['created after its predecessor is deleted'],
    )
    one.store.clear()
    await applyChanges(context(one.kube), set)
    assert.deepEqual(one.asked, ['get x', 'get x', 'apply x uid= force=false'])
    assert.deepEqual((await planChanges(fakeKube([leaving]).kube, [], prune)).stages, [])
    await assert.rejects(
      planChanges(fakeKube([leaving]).kube, [{ ...own('x', {}), ownership: 'share', mustExist: true }]),
      { code: 'CSNI204', message: 'configmap/x in namespace ns: being deleted' },
    )
  })

  it('stops between two changes when it is aborted', async () => {
    const { kube, asked } = fakeKube([])
    const set = await planChanges(kube, [own('a', {}), own('b', {})])
    const controller = new AbortController()
    const emit = () => controller.abort(new CassSniError('CSNI902', 'interrupted'))
    await assert.rejects(applyChanges({ kube, signal: controller.signal, emit, dryRun: false }, set), {
      code: 'CSNI902',
    })
    assert.equal(asked.filter((each) => each.startsWith('apply')).length, 1)
  })

  describe('in stages', () => {
    const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`)
    const created = (list: string[], live?: KubeObject) =>
      changeSet([list.map((name) => own(name, {})), [own('last', {})]], () => live)
    /** A cluster whose writes take until they are released. */
    function slowKube() {
      const open = new Map<string, { resolve: () => void; reject: (error: Error) => void }>()
      const begun: string[] = []
      let most = 0
      const kube = {
        apply: (_type: ResourceType, object: KubeObject) =>
          new Promise<KubeObject>((resolve, reject) => {
            const { name } = object.metadata
            begun.push(name)
            open.set(name, {
              resolve: () => void (open.delete(name), resolve(object)),
              reject: (error) => void (open.delete(name), reject(error)),
            })
            most = Math.max(most, open.size)
          }),
      } as unknown as Kube
      return { kube, open, begun, most: () => most }
    }
    const turn = () => new Promise((wake) => setImmediate(wake))

    it('writes a stage eight at a time, the next one after it, and reports in the order of the plan', async () => {
      const { kube, open, begun, most } = slowKube()
      const run = context(kube)
      const done = applyChanges(run, created(names(20)))
      for (;;) {
        await turn()
        // the newest first
        const next = [...open.values()].at(-1)
        if (next === undefined) break
        if (begun.includes('last')) assert.equal(run.events.length, 20)
        next.resolve()
      }
      const expected = [...names(20), 'last'].map((name) => `configmap/${name}`)
      assert.deepEqual(
        (await done).map(({ object }) => object),
        expected,
      )
      assert.deepEqual(
        run.events.map((event) => event.type === 'change' && event.change.object),
        expected,
      )
      assert.equal(most(), 8)
    })

    it('completes and reports the writes in progress when one fails, and starts no other', async () => {
      const { kube, open, begun } = slowKube()
      const run = context(kube)
      const done = applyChanges(run, created(names(20)))
      await turn()
      open.get('n1')?.reject(new CassSniError('CSNI206', 'rejected'))
      await turn()
      for (const each of [...open.values()]) each.resolve()
      await assert.rejects(done, { code: 'CSNI206' })
      assert.deepEqual(begun, names(8))
      assert.deepEqual(
        run.events.map((event) => event.type === 'change' && event.change.object),
        ['n0', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'].map((name) => `configmap/${name}`),
      )
    })

    it('prunes one kind after the other, the last of them first', async () => {
      const { kube, asked } = fakeKube([])
      const service = { ...make('s', {}), kind: 'Service' }
      const set = changeSet([], () => undefined, [
        { type: CONFIG_MAP, objects: [make('a', {}), make('b', {})] },
        { type: SERVICE, objects: [service] },
      ])
      assert.deepEqual(
        set.stages.map((stage) => stage.map(({ name }) => name)),
        [['s'], ['a', 'b']],
      )
      await applyChanges(context(kube), set)
      assert.deepEqual(asked, ['delete s uid=', 'delete a uid=', 'delete b uid='])
    })
  })
})
