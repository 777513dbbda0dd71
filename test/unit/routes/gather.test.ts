/** Which host IDs are routed, and how often reading for the routes has to wait for the API server. */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { CassandraDatacenterObject } from '../../../src/lib/cassandra/datacenter-from.ts'
import { DATACENTER_LABEL, NODE_STATE_LABEL } from '../../../src/lib/cassandra/resource-names.ts'
import type { Kube, KubeObject } from '../../../src/lib/cluster/kube.ts'
import { CASSANDRA_DATACENTER, POD, SERVICE } from '../../../src/lib/cluster/resources.ts'
import type { Pod } from '../../../src/lib/cluster/workloads.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { WorkflowEvent } from '../../../src/lib/events.ts'
import { applyRoutes, reconcileRoutes } from '../../../src/lib/reconcile/reconcile-routes.ts'
import type { RouteBackend } from '../../../src/lib/routes/backends/backend.ts'
import { gather } from '../../../src/lib/routes/gather.ts'
import { planRoutes } from '../../../src/lib/routes/route-plan.ts'
import { diffRoutes } from '../../../src/lib/workflows/routes-diff-workflow.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'
import { httpAnswer } from '../../support/pod-answers.ts'
import { labels } from '../cassandra/objects.ts'

const NAMESPACE = 'cass-operator'

/** Answers all requests of a round trip together, when no more are made; counts the round trips. */
function inRoundTrips(kube: Kube): { kube: Kube; trips: () => number } {
  let trips = 0
  let trip: Promise<void> | undefined
  const together = async <T>(ask: () => Promise<T>): Promise<T> => {
    trip ??= pause(5).then(() => {
      trips++
      trip = undefined
    })
    await trip
    return ask()
  }
  const slow: Kube = {
    ...kube,
    get: (...asked) => together(() => kube.get(...asked)),
    list: (...asked) => together(() => kube.list(...asked)),
    servedVersions: (...asked) => together(() => kube.servedVersions(...asked)),
  }
  return { kube: slow, trips: () => trips }
}

/** A datacenter of two nodes, whose management API reports these host IDs; the status has other ones. */
async function reportingNodes(ids: string[], claims: readonly KubeObject[] = []) {
  const objects = [...largeDatacenter(2), ...claims]
  const { kube: cluster } = kubeInMemory(NAMESPACE, objects, { 'networking.istio.io': ['v1beta1'] })
  const pods = await cluster.list<Pod>(POD, { namespace: NAMESPACE, labelSelector: DATACENTER_LABEL })
  pods.forEach((pod, n) => {
    pod.metadata.uid = `uid-${n}`
  })
  const asked: string[] = []
  const kube: Kube = {
    ...cluster,
    connect: async ({ name }, port) => {
      if (port !== 8080) throw new CassSniError('CSNI601', 'no Envoy')
      asked.push(name)
      const entity = pods.map(({ metadata, status }, n) => ({
        HOST_ID: ids[n],
        ENDPOINT_IP: status?.podIP,
        STATUS_WITH_PORT: 'NORMAL,1',
        IS_LOCAL: String(metadata.name === name),
      }))
      return httpAnswer(JSON.stringify({ entity }))
    },
  }
  const context = { kube, signal: new AbortController().signal, emit: () => undefined, dryRun: false, now: Date.now }
  return {
    kube,
    pods,
    asked,
    async sync(backend?: RouteBackend) {
      const plan = planRoutes(await gather(kube, { namespace: NAMESPACE }).observation, { mode: 'sni', backend })
      await applyRoutes(context, plan)
      return plan.routes.nodes.map(({ hostId }) => hostId)
    },
    async diff() {
      const found: string[] = []
      const emit = (event: WorkflowEvent) => {
        if (event.type === 'change') found.push(`${event.change.object} ${event.change.action}`)
      }
      const { ok, summary } = await diffRoutes({ ...context, emit }, { namespace: NAMESPACE })
      return { ok, configured: summary.configured, found }
    },
    async confirmed() {
      const services = await kube.list(SERVICE, { namespace: NAMESPACE })
      return services.flatMap(({ metadata }) => metadata.annotations?.['cass-sni/confirmed'] ?? [])
    },
  }
}

const idOf = (letter: string) => `00000000-0000-4000-8000-00000000000${letter}`

describe('a host ID', () => {
  it('is confirmed once for each pod, as its Service records', async () => {
    const ids = [idOf('a'), idOf('b')]
    const { sync, diff, confirmed, asked, pods } = await reportingNodes(ids)
    assert.deepEqual(await sync(), ids)
    assert.equal(asked.length, 3, 'one node about all, then each that contradicts the status')
    assert.deepEqual(await confirmed(), [`uid-0/${ids[0]}`, `uid-1/${ids[1]}`])
    assert.deepEqual(await sync(), ids)
    assert.equal(asked.length, 3, 'known for these pods')
    setUid(pods[1], 'uid-3')
    assert.deepEqual(await diff(), { ok: true, configured: 0, found: [] }, 'a restart is no difference')
    asked.length = 0
    assert.deepEqual(await sync(), ids)
    assert.deepEqual(await confirmed(), [`uid-0/${ids[0]}`, `uid-3/${ids[1]}`])
    asked.length = 0
    setUid(pods[0], 'uid-2')
    ids[0] = idOf('c')
    assert.deepEqual(await diff(), {
      ok: false,
      configured: 1,
      found: ['virtualservice.networking.istio.io/cass-sni-dc1 configured'],
    })
    assert.deepEqual(await sync(), ids)
    assert.equal(asked.length, 4, 'another pod, twice')
    assert.deepEqual(await confirmed(), [`uid-2/${ids[0]}`, `uid-3/${ids[1]}`])
  })

  it('is not routed to a new pod with another volume, before the new one is known', async () => {
    const ids = [idOf('a'), idOf('b')]
    const claims = [claimOf('dse-dc1-rack1-sts-0', 'claim-0'), claimOf('dse-dc1-rack2-sts-0', 'claim-1')]
    const { sync, confirmed, pods } = await reportingNodes(ids, claims)
    assert.deepEqual(await sync(), ids)
    assert.deepEqual(await confirmed(), [`uid-0/${ids[0]}/claim-0`, `uid-1/${ids[1]}/claim-1`])
    for (const pod of pods) setState(pod, 'Starting')
    setUid(pods[0], 'uid-2')
    setUid(pods[1], 'uid-3')
    setUid(claims[0], 'claim-2')
    for (let round = 0; round < 2; round++) assert.deepEqual(await sync(), [undefined, ids[1]], 'same volume: kept')
    assert.deepEqual(await confirmed(), [`uid-0/${ids[0]}/claim-0`, `uid-1/${ids[1]}/claim-1`])
    for (const pod of pods) setState(pod, 'Started')
    ids[0] = idOf('c')
    assert.deepEqual(await sync(), ids)
    assert.deepEqual(await confirmed(), [`uid-2/${ids[0]}/claim-2`, `uid-3/${ids[1]}/claim-1`])
  })

  for (const backend of ['service', 'subset', 'serviceentry'] as const)
    it(`is not routed to the new pod of a replaced node, with backend ${backend}`, async () => {
      const ids = [idOf('a'), idOf('b')]
      const { sync, kube, pods } = await reportingNodes(ids)
      assert.deepEqual(await sync(backend), ids)
      const [datacenter] = await kube.list<CassandraDatacenterObject>(CASSANDRA_DATACENTER, { namespace: NAMESPACE })
      assert.ok(datacenter?.status !== undefined)
      datacenter.status.nodeReplacements = ['dse-dc1-rack1-sts-0']
      assert.deepEqual(await sync(), ids, 'the former node still runs')
      setUid(pods[0], 'uid-2')
      setState(pods[0], 'Ready-to-Start')
      assert.deepEqual(await sync(), [undefined, ids[1]])
      setState(pods[0], 'Started')
      assert.deepEqual(await sync(), [undefined, ids[1]], 'cass-operator has not recorded the new one')
      datacenter.status.nodeReplacements = []
      ids[0] = idOf('c')
      assert.deepEqual(await sync(), ids)
    })
})

function claimOf(pod: string, uid: string): KubeObject {
  const metadata = { name: `server-data-${pod}`, namespace: NAMESPACE, uid, labels: labels() }
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata }
}

function setUid(object: KubeObject | undefined, uid: string): void {
  if (object !== undefined) object.metadata.uid = uid
}

function setState(pod: Pod | undefined, state: string): void {
  if (pod !== undefined) pod.metadata.labels = { ...pod.metadata.labels, [NODE_STATE_LABEL]: state }
}

describe('reading for routes that are there', () => {
  it('takes one round trip', async () => {
    const { kube } = kubeInMemory('cass-operator', largeDatacenter(2), { 'networking.istio.io': ['v1', 'v1beta1'] })
    const wish = { namespace: 'cass-operator' }
    const context = { signal: new AbortController().signal, emit: () => undefined, dryRun: false }
    const plan = planRoutes(await gather(kube, wish).observation, { mode: 'sni' })
    await reconcileRoutes({ kube, ...context }, plan)
    const slow = inRoundTrips(kube)
    await gather(slow.kube, wish).observation
    assert.equal(slow.trips(), 1)
  })
})
