/** What `routes sync` asks and claims; what it writes is tried in test/component/routes-sync.test.ts. */
import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { Question, WorkflowEvent } from '../../../src/lib/events.ts'
import type { WorkflowContext } from '../../../src/lib/workflows/context.ts'
import { type RoutesSyncOptions, syncRoutes } from '../../../src/lib/workflows/routes-sync-workflow.ts'
import { awaitLoaded } from '../../../src/lib/reconcile/loaded-routes.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'

type Routes = { serverNames: string[]; cluster: string }[]

describe('routes sync', () => {
  const cluster = () =>
    kubeInMemory('cass-operator', largeDatacenter(3), { 'networking.istio.io': ['v1', 'v1beta1'] }).kube
  const run = async (kube: Kube, options: Partial<RoutesSyncOptions> = {}, answer?: 'yes' | 'no') => {
    const questions: Question[] = []
    const warnings: string[] = []
    const context: WorkflowContext = {
      kube,
      signal: new AbortController().signal,
      emit: (event: WorkflowEvent) => {
        if (event.type === 'warning') warnings.push(event.message)
      },
      dryRun: false,
      now: Date.now,
      ...(answer === undefined
        ? {}
        : {
            ask: async (question: Question) => {
              questions.push(question)
              return answer
            },
          }),
    }
    const result = await syncRoutes(context, { mode: 'sni', ...options }).catch(
      (error: unknown) => error as CassSniError,
    )
    return { result, questions, warnings }
  }
  const details = ({ questions }: { questions: Question[] }) =>
    questions.map((question) => (question.kind === 'confirm' ? (question.details ?? []).join('\n') : question.kind))

  it('asks before it takes something away from clients, and for nothing else', async () => {
    const kube = cluster()
    assert.deepEqual(details(await run(kube, {}, 'no')), [])
    assert.deepEqual(details(await run(kube, {}, 'no')), [])
    const refused = await run(kube, { mode: 'tcp' }, 'no')
    assert.ok(refused.result instanceof CassSniError && refused.result.code === 'CSNI902')
    assert.match(details(refused)[0] ?? '', /mode sni → tcp[\s\S]*To be pruned: service\/dse-dc1-rack1-sts-0-cql/)
    assert.deepEqual(details(await run(kube, {}, 'no')), [])
    const moved = await run(kube, { port: 9050 }, 'yes')
    assert.match(details(moved)[0] ?? '', /port 9042 → 9050/)
    assert.deepEqual(details(await run(kube, {}, 'no')), [])
    assert.equal((await run(kube)).result instanceof CassSniError, false)
  })

  it('asks Envoy at every run, and does not claim what it could not ask', async () => {
    const kube = cluster()
    const unknown = await run(kube)
    assert.deepEqual((unknown.result as { loaded?: object }).loaded, { pods: 1, confirmed: 0 })
    assert.ok(unknown.warnings.some((message) => /cannot check whether pod .* has loaded the routes/.test(message)))

    let asked = 0
    const services = await kube.list({
      group: '',
      version: 'v1',
      kind: 'Service',
      plural: 'services',
      namespaced: true,
    })
    const routes: Routes = services.flatMap(({ metadata }) => {
      const pod = metadata.labels?.['cass-sni/pod']
      if (pod === undefined) return []
      const host = `${metadata.name}.cass-operator.svc.cluster.local`
      return [{ serverNames: namesOf(pod), cluster: `outbound|9042||${host}` }]
    })
    const answering: Kube = {
      ...kube,
      connect: async (_pod, port) => {
        if (port === 8080) throw new CassSniError('CSNI601', 'no management API')
        asked++
        return envoy(routes)
      },
    }
    const { result } = await run(answering)
    assert.deepEqual((result as { loaded?: object }).loaded, { pods: 1, confirmed: 1 })
    assert.equal(asked, 1)
  })
})

describe('waiting for Envoy', () => {
  it('fails when it has not loaded the routes in time, with the missing routes and what Envoy rejected', async () => {
    const context = {
      kube: { connect: async () => envoy([]) } as unknown as Kube,
      signal: new AbortController().signal,
      emit: () => undefined,
      dryRun: false,
      now: Date.now,
    }
    const pod = { name: 'gw-0', namespace: 'istio-system', ready: true, terminating: false }
    const gateway = {
      namespace: 'istio-system',
      service: 'gw',
      serviceType: 'LoadBalancer',
      ports: [],
      addresses: [],
      selector: {},
      pods: [pod, { ...pod, name: 'gw-1', ready: false }],
    }
    const lacks = () => ['a.example', 'b.example']
    await assert.rejects(awaitLoaded(context, { gateway, port: 9042, lacks }, 300), {
      code: 'CSNI507',
      message: /service\/gw in namespace istio-system: .* gw-0 is missing a\.example and 1 more/,
    })
    assert.deepEqual(await awaitLoaded(context, { gateway, port: 9042, lacks: () => [] }, 300), {
      pods: 1,
      confirmed: 1,
    })
  })
})

/** The server names of a node, as large-datacenter.ts counts them. */
function namesOf(pod: string): string[] {
  const [, rack = '', ordinal = ''] = /-(rack\d)-sts-(\d+)$/.exec(pod) ?? []
  const n = Number(ordinal) * 3 + Number(rack.slice(-1)) - 1
  return [
    `${pod}.dse-dc1-all-pods-service.cass-operator.svc.cluster.local`,
    `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  ]
}

/** The admin port of an Envoy with these routes on port 9042. */
function envoy(routes: Routes): Duplex {
  const chains = routes.map(({ serverNames, cluster }) => ({
    filter_chain_match: { server_names: serverNames },
    filters: [{ typed_config: { cluster } }],
  }))
  const listener = { address: { socket_address: { port_value: 9042 } }, filter_chains: chains }
  const body = JSON.stringify({ configs: [{ name: '0.0.0.0_9042', active_state: { listener } }] })
  const stream: Duplex = new Duplex({
    read: () => undefined,
    write(_chunk, _encoding, done) {
      stream.push(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
      stream.push(null)
      done()
    },
  })
  return stream
}
