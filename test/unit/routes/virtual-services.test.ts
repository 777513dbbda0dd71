import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import type { Desired } from '../../../src/lib/changes/changeset.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'
import type { IngressGateway } from '../../../src/lib/istio/mesh.ts'
import { tlsMatches } from '../../../src/lib/routes/live-routes.ts'
import { type NamedRoute, virtualServices } from '../../../src/lib/routes/backends/virtual-services.ts'
import { partOfName, virtualServiceName } from '../../../src/lib/routes/sni-names.ts'
import { datacenter } from '../../support/observed-datacenter.ts'

const GATEWAY: IngressGateway = {
  namespace: 'istio-system',
  service: 'gw',
  serviceType: 'LoadBalancer',
  ports: [],
  addresses: [],
  selector: {},
  pods: [],
}
const DC: Datacenter = datacenter()

const route = (n: number): NamedRoute => ({
  pod: `dse-dc1-r${n % 3}-sts-${n}`,
  serverNames: [`dse-dc1-r${n % 3}-sts-${n}.all`, `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`],
  upstream: { host: `dse-dc1-r${n % 3}-sts-${n}-cql.ns.svc.cluster.local`, port: 9042 },
})
const routes = (count: number, from = 0) => Array.from({ length: count }, (_, n) => route(from + n))

/** The stages for so many nodes; some 25 fit into a part. */
function stages(members: readonly NamedRoute[], live: readonly KubeObject[] = [], largestPartBytes = 8 * 1024) {
  const types = { gateway: ISTIO_GATEWAY, virtualService: VIRTUAL_SERVICE }
  return virtualServices({ datacenter: DC, gateway: GATEWAY, types, port: 9042, live, largestPartBytes }, members)
}
const objects = (written: Desired[][]) => written.flat().map(({ object }) => object)
const namesOf = (each: KubeObject) => each.metadata.name
const sniNames = (each: KubeObject) => tlsMatches(each).flatMap(({ sniHosts }) => sniHosts)
const allNames = (members: readonly NamedRoute[]) => members.flatMap(({ serverNames }) => serverNames).sort()

/** Objects as they are after the writes so far; what is no longer desired is pruned at the end. */
class Live {
  readonly objects = new Map<string, KubeObject>()
  write({ object }: Desired) {
    this.objects.set(object.metadata.name, object)
  }
  prune(desired: Desired[][]) {
    const kept = new Set(objects(desired).map(namesOf))
    for (const name of this.objects.keys()) if (!kept.has(name)) this.objects.delete(name)
  }
  get all() {
    return [...this.objects.values()]
  }
  get names() {
    return new Set(this.all.flatMap(sniNames))
  }
}

/** Writes the stages one object at a time, and returns which of the names `kept` had no route at any moment. */
function sync(live: Live, members: readonly NamedRoute[], kept: readonly string[]): Set<string> {
  const lost = new Set<string>()
  const look = () => {
    const { names } = live
    for (const name of kept) if (!names.has(name)) lost.add(name)
  }
  const desired = stages(members, live.all)
  for (const each of desired.flat()) {
    live.write(each)
    look()
  }
  live.prune(desired)
  look()
  return lost
}

describe('the VirtualServices of many nodes', () => {
  it('are one with the name of the datacenter while that is small enough', () => {
    deepEqual(objects(stages(routes(20))).map(namesOf), ['cass-sni-dc1'])
    deepEqual(objects(stages(routes(700), [], 256 * 1024)).map(namesOf), ['cass-sni-dc1'])
  })

  it('are parts below the limit that together route every node once', () => {
    const parts = objects(stages(routes(200)))
    equal(parts.length, 16)
    deepEqual(parts.flatMap(sniNames).sort(), allNames(routes(200)))
    for (const part of parts) ok(JSON.stringify(part.spec).length < 9 * 1024)
    deepEqual(namesOf(parts[0] as KubeObject), 'cass-sni-dc1')
    deepEqual(namesOf(parts[15] as KubeObject), 'cass-sni-dc1.15')
  })

  it('change only where nodes come and go', () => {
    const before = objects(stages(routes(200)))
    const members = [...routes(100), ...routes(99, 101), route(700)]
    const after = new Map(objects(stages(members, before)).map((each) => [namesOf(each), JSON.stringify(each)]))
    const changed = before.filter((each) => JSON.stringify(each) !== after.get(namesOf(each)))
    ok(changed.length <= 2, `${changed.length} of ${before.length} changed`)
    ok(changed.length > 0)
  })

  it('leave every node a route at every moment while they become more and fewer', () => {
    const live = new Live()
    const counts: number[] = []
    let before = 0
    for (const count of [20, 60, 200, 400, 150, 30, 21, 5]) {
      const kept = allNames(routes(Math.min(before, count)))
      deepEqual([...sync(live, routes(count), kept)], [], `${before} to ${count} nodes`)
      deepEqual([...live.names].sort(), allNames(routes(count)))
      counts.push(live.objects.size)
      before = count
    }
    deepEqual(counts, [1, 4, 16, 32, 16, 4, 2, 1])
  })

  it('are not split and merged again by one node more or less', () => {
    const live = new Live()
    let full = 1
    while (objects(stages(routes(full + 1))).length === 1) full += 1
    sync(live, routes(full + 1), [])
    equal(live.objects.size, 2)
    sync(live, routes(full), [])
    equal(live.objects.size, 2)
  })

  it('have names that no other datacenter has, of which the first needs no number', () => {
    equal(virtualServiceName('dc1', 0), 'cass-sni-dc1')
    equal(virtualServiceName('dc1', 3), 'cass-sni-dc1.3')
    deepEqual(
      ['cass-sni-dc1', 'cass-sni-dc1.3', 'cass-sni-dc1-3', 'cass-sni-dc1.x', 'cass-sni-dc1.0', 'other'].map((name) =>
        partOfName('dc1', name),
      ),
      [0, 3, undefined, undefined, undefined, undefined],
    )
    // a dot in a datacenter's name is replaced, so that these cannot meet
    ok(!virtualServiceName('dc1.3', 0).includes('.'))
  })
})
