/** Host IDs in the status beside those that Cassandra reports. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { confirmHostIds } from '../../../src/lib/cassandra/confirm-host-ids.ts'
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

const idsOf = ({ nodes }: { nodes: readonly { hostId?: string | undefined }[] }) => nodes.map(({ hostId }) => hostId)

describe('confirming host IDs', () => {
  it('asks one node about all', async () => {
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, HOST_IDS) })
    const outcome = await confirmHostIds(kube, DATACENTER, new Set([FIRST, SECOND, THIRD]))
    deepEqual(idsOf(outcome.datacenter), [...HOST_IDS])
    deepEqual([...outcome.pods], [FIRST, SECOND, THIRD])
    deepEqual(asked, [FIRST])
  })

  it('asks nobody without suspects', async () => {
    const { kube, asked } = podsAnswering({})
    equal((await confirmHostIds(kube, DATACENTER, new Set())).datacenter, DATACENTER)
    deepEqual(asked, [])
  })

  it('asks a node that is not suspected first, and the next if it does not answer', async () => {
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, HOST_IDS) })
    const outcome = await confirmHostIds(kube, DATACENTER, new Set([FIRST, SECOND]))
    deepEqual(asked, [THIRD, FIRST])
    deepEqual([...outcome.pods], [FIRST, SECOND])
  })

  it("takes a node's own answer when the status has another host ID", async () => {
    const fresh = [FRESH, HOST_IDS[1], HOST_IDS[2]]
    const { kube, asked } = podsAnswering({ [FIRST]: listedBy(0, fresh), [THIRD]: listedBy(2, fresh) })
    const { datacenter, pods } = await confirmHostIds(kube, DATACENTER, new Set([FIRST]))
    deepEqual(idsOf(datacenter), fresh)
    deepEqual([...pods], [FIRST])
    deepEqual(asked, [SECOND, THIRD, FIRST])
    deepEqual(datacenter.staleHostIds, [HOST_IDS[0]])
  })

  it('has no host ID for a node that others list with another one and that does not answer', async () => {
    const { kube } = podsAnswering({ [THIRD]: listedBy(2, [FRESH, HOST_IDS[1], HOST_IDS[2]]) })
    const { datacenter, pods } = await confirmHostIds(kube, DATACENTER, new Set([FIRST]))
    deepEqual(idsOf(datacenter), [undefined, HOST_IDS[1], HOST_IDS[2]])
    match(datacenter.nodes[0]?.hostIdProblem ?? '', new RegExp(`status lists host ID ${HOST_IDS[0]}.*reports ${FRESH}`))
    deepEqual([...pods], [])
  })

  it('has no host ID for a node whose ID another one reports as its own', async () => {
    const { kube } = podsAnswering({
      [SECOND]: [{ HOST_ID: HOST_IDS[2], ENDPOINT_IP: ADDRESSES[1], IS_LOCAL: 'true' }],
    })
    const { datacenter } = await confirmHostIds(kube, DATACENTER, new Set([SECOND]))
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
      const outcome = await confirmHostIds(kube, DATACENTER, new Set([FIRST]))
      deepEqual(idsOf(outcome.datacenter), [...HOST_IDS])
      deepEqual([...outcome.pods], [])
    }
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
