/** Whether the host ID of a former pod can come back. */
import { deepEqual, equal } from 'node:assert/strict'
import type { ConfirmedHostId } from '../../../src/lib/cassandra/confirm-host-ids.ts'
import { type DataVolume, readDataVolumes, withDataVolumes } from '../../../src/lib/cassandra/data-volumes.ts'
import type { CassandraNode, Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import type { Kube, KubeObject } from '../../../src/lib/cluster/kube.ts'
import { PERSISTENT_VOLUME_CLAIM } from '../../../src/lib/cluster/resources.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { cassandraDatacenter, HOST_IDS, PODS, statefulSet } from './objects.ts'

const DATACENTER = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const POD = 'dse-dc1-default-sts-1'
const RECORD: ConfirmedHostId = { podUid: 'former', hostId: HOST_IDS[1], volumeUid: 'claim-1' }

/** The datacenter with another state of the second node. */
function withNode(node: Partial<CassandraNode>): Datacenter {
  return { ...DATACENTER, nodes: DATACENTER.nodes.map((each) => (each.pod === POD ? { ...each, ...node } : each)) }
}

interface Case {
  node: Partial<CassandraNode>
  record?: ConfirmedHostId | undefined
  volume?: DataVolume | undefined
}

function isLost({ node, record, volume }: Case): boolean {
  const before = new Map(record === undefined ? [] : [[POD, record]])
  const { nodes } = withDataVolumes(withNode(node), before, new Map(volume === undefined ? [] : [[POD, volume]]))
  for (const each of nodes) if (each.pod !== POD) equal(each.formerIdLost, undefined)
  return nodes.find(({ pod }) => pod === POD)?.formerIdLost === true
}

const SAME: DataVolume = { uid: 'claim-1', terminating: false }
const OTHER: DataVolume = { uid: 'claim-2', terminating: false }
const ENDING: DataVolume = { uid: 'claim-1', terminating: true }
const running: Partial<CassandraNode> = { podUid: 'former', state: 'Started', terminating: false }
const terminating: Partial<CassandraNode> = { ...running, terminating: true }
const missing: Partial<CassandraNode> = { podUid: '', state: 'Unknown' }
const starting: Partial<CassandraNode> = { podUid: 'next', state: 'Starting' }
const started: Partial<CassandraNode> = { podUid: 'next', state: 'Started' }

describe('the host ID of a former pod', () => {
  it('is lost when its node is replaced, from the end of the former pod on', () => {
    const replacing = (node: Partial<CassandraNode>, record: ConfirmedHostId | undefined = RECORD) =>
      isLost({ node: { ...node, replacing: true }, record, volume: undefined })
    deepEqual(
      [running, terminating, missing, starting, started].map((node) => replacing(node)),
      [false, true, true, true, true],
    )
    const unrecorded = [running, terminating, missing, starting].map((node) =>
      isLost({ node: { ...node, replacing: true } }),
    )
    deepEqual(unrecorded, [false, true, true, true])
  })

  it('is lost with its volume', () => {
    const cases: [Partial<CassandraNode>, DataVolume][] = [
      [terminating, ENDING],
      [missing, ENDING],
      [missing, OTHER],
      [starting, OTHER],
      [started, OTHER],
    ]
    for (const [node, volume] of cases) equal(isLost({ node, record: RECORD, volume }), true, JSON.stringify(node))
  })

  it('is not lost while its pod runs, or a pod with the same volume follows', () => {
    for (const node of [running, terminating, missing, starting, started])
      equal(isLost({ node, record: RECORD, volume: SAME }), false, JSON.stringify(node))
    for (const volume of [ENDING, OTHER]) equal(isLost({ node: running, record: RECORD, volume }), false)
  })

  it('is not assumed to be lost if the claim is not found, or was not recorded', () => {
    const { volumeUid: _, ...unrecorded } = RECORD
    for (const node of [terminating, missing, starting, started]) {
      equal(isLost({ node, record: RECORD }), false)
      equal(isLost({ node, record: unrecorded, volume: OTHER }), false)
      equal(isLost({ node, volume: OTHER }), false)
    }
  })
})

describe('the volume of a confirmed host ID', () => {
  const confirmed: Partial<CassandraNode> = { ...started, hostIdConfirmed: true }
  const volumeOf = (node: Partial<CassandraNode>, volume: DataVolume | undefined, record = RECORD) =>
    withDataVolumes(withNode(node), new Map([[POD, record]]), new Map(volume && [[POD, volume]])).nodes[1]?.volumeUid

  it('is that of the pod, unless it is unknown or being deleted', () => {
    equal(volumeOf(confirmed, OTHER), 'claim-2')
    equal(volumeOf(confirmed, undefined), undefined)
    equal(volumeOf(confirmed, { ...OTHER, terminating: true }), undefined)
  })

  it('stays as it was recorded for the same pod', () => {
    equal(volumeOf({ ...confirmed, podUid: 'former', volumeUid: 'claim-1' }, undefined), 'claim-1')
  })
})

describe('reading the claims', () => {
  const claim = (name: string, uid: string, more: Partial<KubeObject['metadata']> = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'cass-operator', uid, ...more },
  })
  const CLAIMS = [
    claim(`server-data-${POD}`, 'claim-2'),
    claim('server-data-dse-dc1-default-sts-0', 'claim-0', { deletionTimestamp: '2026-11-26T15:00:00Z' }),
    claim('another', 'claim-9'),
  ]
  const records = (record: Partial<ConfirmedHostId> = {}) =>
    new Map(
      DATACENTER.nodes.map(({ pod, podUid, hostId = '' }): [string, ConfirmedHostId] => [
        pod,
        { podUid, hostId, volumeUid: 'claim', ...(pod === POD ? record : {}) },
      ]),
    )
  const read = async (datacenter: Datacenter, before: Map<string, ConfirmedHostId>, refusal?: CassSniError) => {
    let listed = 0
    const list: Kube['list'] = async (type, options) => {
      deepEqual([type, options?.namespace], [PERSISTENT_VOLUME_CLAIM, 'cass-operator'])
      listed++
      if (refusal !== undefined) throw refusal
      return CLAIMS as never
    }
    return { volumes: await readDataVolumes({ list } as Kube, datacenter, before), listed }
  }

  it('lists them for a new pod, a pod that is being deleted, and a host ID that was just confirmed', async () => {
    const volumes = new Map([
      ['dse-dc1-default-sts-0', { uid: 'claim-0', terminating: true }],
      [POD, OTHER],
    ])
    deepEqual(await read(DATACENTER, records({ podUid: 'former' })), { volumes, listed: 1 })
    deepEqual(await read(withNode({ terminating: true }), records()), { volumes, listed: 1 })
    const unrecorded = new Map([...records()].filter(([pod]) => pod !== POD))
    deepEqual(await read(withNode({ hostIdConfirmed: true }), unrecorded), { volumes, listed: 1 })
  })

  it('does not list them if nothing depends on them', async () => {
    deepEqual(await read(DATACENTER, records()), { volumes: new Map(), listed: 0 })
    // neither confirmed nor recorded: no permission to ask nodes
    deepEqual(await read(DATACENTER, new Map()), { volumes: new Map(), listed: 0 })
    const { volumes } = await read(DATACENTER, records({ podUid: 'former', volumeUid: undefined }))
    deepEqual(volumes, new Map())
  })

  it('has none without permission, and reports any other failure', async () => {
    const before = records({ podUid: 'former' })
    deepEqual((await read(DATACENTER, before, new CassSniError('CSNI203', 'forbidden'))).volumes, new Map())
    const failure = await read(DATACENTER, before, new CassSniError('CSNI201', 'unreachable')).catch((error) => error)
    equal(failure.code, 'CSNI201')
  })
})
