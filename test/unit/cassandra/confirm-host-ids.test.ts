/** Host IDs in the status beside those that Cassandra reports. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { confirmHostIds, type ConfirmedHostId } from '../../../src/lib/cassandra/confirm-host-ids.ts'
import type { Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import { endpointsIn } from '../../../src/lib/cassandra/endpoints.ts'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { httpAnswer } from '../../support/pod-answers.ts'
import { cassandraDatacenter, HOST_IDS, PODS, statefulSet } from './objects.ts'

const FRESH = '00000000-0000-4000-8000-00000000000a'
const DATACENTER = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const [FIRST, SECOND, THIRD] = DATACENTER.nodes.map(({ pod }) => pod) as [string, string, string]
const ADDRESSES = DATACENTER.nodes.map(({ address }) => address)

interface Entry {
  HOST_ID: string
  ENDPOINT_IP?: string | undefined
  IS_LOCAL?: string
  STATUS_WITH_PORT?: string
}

/** The endpoints as a node lists them, with the host IDs of the nodes in order. */
function listedBy(local: number, hostIds: readonly string[]): Entry[] {
  return hostIds.map((HOST_ID, n) => ({
    HOST_ID,
    ENDPOINT_IP: ADDRESSES[n],
    IS_LOCAL: String(n === local),
    STATUS_WITH_PORT: 'NORMAL,-1',
  }))
}

/** A cluster whose pods answer with these endpoints; a pod without them does not answer. Records which pods were asked. */
function podsAnswering(answers: Record<string, Entry[] | 'forbidden'>): { kube: Kube; asked: string[] } {
  const asked: string[] = []
  const kube = {
    async connect({ name }: { name: string }) {
      asked.push(name)
      const answer = answers[name]
      if (answer === 'forbidden') throw new CassSniError('CSNI203', 'forbidden')
      if (answer === undefined) throw new CassSniError('CSNI601', 'no answer')
      return httpAnswer(JSON.stringify({ entity: answer }))
    },
  }
  return { kube: kube as unknown as Kube, asked }
}

const idsOf = ({ nodes }: Datacenter) => nodes.map(({ hostId }) => hostId)
const confirmedOf = ({ nodes }: Datacenter) =>
  nodes.flatMap(({ pod, hostIdConfirmed }) => (hostIdConfirmed === true ? [pod] : []))
/** All nodes but these were confirmed before, these for another pod. */
const allBut = (...others: string[]): Map<string, ConfirmedHostId> =>
  new Map(
    DATACENTER.nodes.map(({ pod, podUid, hostId = '' }) => [
      pod,
      { podUid: others.includes(pod) ? 'another' : podUid, hostId },
    ]),
  )
/** The same, but these were never confirmed. */
const never = (...pods: string[]) => new Map([...allBut()].filter(([pod]) => !pods.includes(pod)))

describe('confirming host IDs', () => {
  it('asks one node about all', async () => {
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, HOST_IDS) })
    const datacenter = await confirmHostIds(kube, DATACENTER, new Map())
    deepEqual(idsOf(datacenter), [...HOST_IDS])
    deepEqual(confirmedOf(datacenter), [FIRST, SECOND, THIRD])
    deepEqual(asked, [FIRST])
  })

  it('asks nobody about pods that were confirmed before, and keeps what they reported', async () => {
    const { kube, asked } = podsAnswering({})
    const before = allBut()
    before.set(SECOND, { podUid: DATACENTER.nodes[1]?.podUid ?? '', hostId: FRESH })
    const datacenter = await confirmHostIds(kube, DATACENTER, before)
    deepEqual(idsOf(datacenter), [HOST_IDS[0], FRESH, HOST_IDS[2]])
    deepEqual(confirmedOf(datacenter), [FIRST, SECOND, THIRD])
    deepEqual(datacenter.staleHostIds, [HOST_IDS[1]])
    deepEqual(asked, [])
  })

  it('asks a node that was confirmed before first, and others if it does not answer', async () => {
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, HOST_IDS) })
    const datacenter = await confirmHostIds(kube, DATACENTER, allBut(FIRST, SECOND))
    deepEqual(asked, [THIRD, FIRST, SECOND])
    deepEqual(confirmedOf(datacenter), [FIRST, SECOND, THIRD])
  })

  it("takes a node's own answer when the status has another host ID", async () => {
    const fresh = [FRESH, HOST_IDS[1], HOST_IDS[2]]
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, fresh), [THIRD]: listedBy(2, fresh) })
    const datacenter = await confirmHostIds(kube, DATACENTER, allBut(FIRST))
    deepEqual(idsOf(datacenter), fresh)
    // the second one does not answer; the first one is then asked about itself
    deepEqual(asked, [SECOND, THIRD, FIRST, FIRST])
    deepEqual(datacenter.staleHostIds, [HOST_IDS[0]])
  })

  it('has no host ID for a node that others list with another one and that does not answer', async () => {
    const { kube } = podsAnswering({ [THIRD]: listedBy(2, [FRESH, HOST_IDS[1], HOST_IDS[2]]) })
    const datacenter = await confirmHostIds(kube, DATACENTER, never(FIRST))
    deepEqual(idsOf(datacenter), [undefined, HOST_IDS[1], HOST_IDS[2]])
    match(datacenter.nodes[0]?.hostIdProblem ?? '', new RegExp(`status lists host ID ${HOST_IDS[0]}.*reports ${FRESH}`))
  })

  it('has no host ID for a node whose ID another one reports as its own', async () => {
    const { kube } = podsAnswering({
      [SECOND]: [{ HOST_ID: HOST_IDS[2], ENDPOINT_IP: ADDRESSES[1], IS_LOCAL: 'true' }],
    })
    const datacenter = await confirmHostIds(kube, DATACENTER, new Map())
    deepEqual(idsOf(datacenter), [HOST_IDS[0], HOST_IDS[2], undefined])
    match(datacenter.nodes[2]?.hostIdProblem ?? '', new RegExp(`${SECOND} reports host ID ${HOST_IDS[2]} as its own`))
  })

  it('keeps the status where nobody answers, may be asked, or lists the node', async () => {
    const joining = listedBy(2, [FRESH, HOST_IDS[1], HOST_IDS[2]]).map((one) => ({
      ...one,
      STATUS_WITH_PORT: 'BOOT,-1',
    }))
    for (const answers of [{}, { [FIRST]: 'forbidden', [SECOND]: 'forbidden' }, { [THIRD]: joining }] as const) {
      const { kube } = podsAnswering(answers)
      const datacenter = await confirmHostIds(kube, DATACENTER, never(FIRST))
      deepEqual(idsOf(datacenter), [...HOST_IDS])
      deepEqual(confirmedOf(datacenter), [SECOND, THIRD])
    }
  })

  it('asks nobody where the management API requires a client certificate', async () => {
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, HOST_IDS) })
    const datacenter = await confirmHostIds(kube, { ...DATACENTER, managementAuth: 'certificate' }, new Map())
    deepEqual(idsOf(datacenter), [...HOST_IDS])
    deepEqual(confirmedOf(datacenter), [])
    deepEqual(asked, [])
  })

  it('has no host ID for a new pod of a node that was confirmed before, until it is confirmed again', async () => {
    const { kube } = podsAnswering({})
    const datacenter = await confirmHostIds(kube, DATACENTER, allBut(FIRST))
    deepEqual(idsOf(datacenter), [undefined, HOST_IDS[1], HOST_IDS[2]])
    match(datacenter.nodes[0]?.hostIdProblem ?? '', /^Cassandra has not confirmed host ID .* for the new pod$/)
  })
})

describe("the management API's endpoints", () => {
  it('are those with a host ID, or nothing', () => {
    deepEqual(
      endpointsIn(
        JSON.stringify({ entity: [null, { IS_LOCAL: 'true', HOST_ID: FRESH.toUpperCase() }, { HOST_ID: 'x' }] }),
      ),
      [{ hostId: FRESH, address: undefined, local: true, normal: false }],
    )
    for (const odd of ['', '[]', 'null', '{"entity":{}}']) equal(endpointsIn(odd), undefined, odd)
  })
})
