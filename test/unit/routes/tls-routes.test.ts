/** Routes of the Gateway API: what is planned, what is remembered, and the change from one API to the other. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import type { Kube, KubeObject } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import type { WorkflowEvent } from '../../../src/lib/events.ts'
import { deleteRoutes } from '../../../src/lib/workflows/routes-delete-workflow.ts'
import { syncRoutes } from '../../../src/lib/workflows/routes-sync-workflow.ts'
import { changesIn } from '../../../src/lib/changes/change-plan.ts'
import { API_GATEWAY, SERVICE, TLS_ROUTE } from '../../../src/lib/cluster/resources.ts'
import { applyChanges } from '../../../src/lib/changes/apply.ts'
import type { ChangeSet } from '../../../src/lib/changes/changeset.ts'
import { acceptanceOf } from '../../../src/lib/gateway-api/acceptance.ts'
import { findGateway } from '../../../src/lib/istio/find-gateway.ts'
import { observeMesh } from '../../../src/lib/istio/observe-mesh.ts'
import { gather, type GatherOptions, recallChoices } from '../../../src/lib/routes/gather.ts'
import { type Handover, type Plan, planRoutes } from '../../../src/lib/routes/route-plan.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'
import { accepted, apiGateway, gatewayClass, PASSTHROUGH, programmed } from '../gateway-api/objects.ts'

const NAMESPACE = 'cass-operator'
const SERVED = { 'networking.istio.io': ['v1', 'v1beta1'], 'gateway.networking.k8s.io': ['v1'] }
const CONTEXT = { signal: new AbortController().signal, emit: () => undefined, dryRun: false }

const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }

/** A cluster with two nodes. `sync` writes as routes sync does, without waiting for a controller. */
function cluster(more: KubeObject[] = [], served: Record<string, string[]> = SERVED) {
  const { kube } = kubeInMemory(NAMESPACE, [namespace, ...largeDatacenter(2), gatewayClass('istio'), ...more], served)
  const plan = async (options: Partial<GatherOptions> = {}, mode: 'sni' | 'tcp' = 'sni') =>
    planRoutes(await gather(kube, { namespace: NAMESPACE, ...options }).observation, { mode, port: options.port })
  const sync = (set: ChangeSet) => applyChanges({ kube, ...CONTEXT }, set)
  return { kube, plan, sync }
}

const OWN = { api: 'gateway', gatewayClass: 'istio' } as const
const summary = ({ changes }: { changes: ChangeSet }) =>
  changesIn(changes)
    .filter(({ action }) => action !== 'unchanged')
    .map(({ action, type, name }) => `${action} ${type.kind} ${name}`)

function find(plan: Plan, kind: string): KubeObject[] {
  return plan.routes.stages.flat().flatMap(({ object }) => (object.kind === kind ? [object] : []))
}

/** The changes of a handover before what the old routes needed is removed. */
const written = (handover: Handover | undefined): ChangeSet => ({
  stages: [...(handover?.destinations.stages ?? []), ...(handover?.routes.stages ?? [])],
})

describe('routes of the Gateway API', () => {
  it('are a Service and a TLSRoute per node, on our own Gateway with TLS passthrough', async () => {
    const plan = await cluster().plan(OWN)
    const [gateway] = find(plan, 'Gateway')
    const [route, ...others] = find(plan, 'TLSRoute')
    equal(others.length, 1)
    deepEqual(gateway?.spec, {
      gatewayClassName: 'istio',
      infrastructure: { labels: { 'app.kubernetes.io/component': 'cass-sni-gateway' } },
      listeners: [
        {
          name: 'tls-cql',
          port: 9042,
          protocol: 'TLS',
          tls: { mode: 'Passthrough' },
          allowedRoutes: {
            namespaces: { from: 'Same' },
            kinds: [{ group: 'gateway.networking.k8s.io', kind: 'TLSRoute' }],
          },
        },
      ],
    })
    const { hostnames, parentRefs, rules } = (route?.spec ?? {}) as Record<string, unknown[]>
    equal(hostnames?.length, 2)
    deepEqual(parentRefs, [
      {
        group: 'gateway.networking.k8s.io',
        kind: 'Gateway',
        namespace: NAMESPACE,
        name: gateway?.metadata.name,
        sectionName: 'tls-cql',
      },
    ])
    deepEqual(rules, [
      { backendRefs: [{ group: '', kind: 'Service', name: route?.metadata.name, port: 9042, weight: 1 }] },
    ])
    // the gateway pods run in the same namespace
    const [service] = find(plan, 'Service')
    equal(service?.metadata.annotations?.['networking.istio.io/exportTo'], '.')
  })

  it('include one for the metadata service, which is remembered and removed', async () => {
    const { kube, sync } = cluster()
    const planned = async (metadata?: string) =>
      planRoutes(await gather(kube, { namespace: NAMESPACE, ...OWN }).observation, { names: { metadata } })
    const first = await planned('bundle.example.com')
    const route = find(first, 'TLSRoute').find(({ metadata }) => metadata.name === 'cass-sni-dc1-metadata')
    deepEqual((route?.spec as { hostnames?: string[] } | undefined)?.hostnames, ['bundle.example.com'])
    equal(first.awaited?.routes.includes('cass-sni-dc1-metadata'), true)
    await sync(first.changes)
    deepEqual(summary(await planned()), [])
    const removed = ['pruned TLSRoute cass-sni-dc1-metadata', 'pruned Service cass-sni-dc1-metadata']
    deepEqual(summary(await planned('')), removed)
  })

  it('leave a shared Gateway as it is, and are exported to its namespace', async () => {
    const plan = await cluster([apiGateway('infra', 'shared', [PASSTHROUGH])]).plan({ api: 'gateway' })
    deepEqual(find(plan, 'Gateway'), [])
    const [service] = find(plan, 'Service')
    equal(service?.metadata.annotations?.['networking.istio.io/exportTo'], 'infra')
  })

  it('are remembered with API, Gateway, class and port', async () => {
    const { plan, sync } = cluster()
    await sync((await plan({ ...OWN, port: 9142 })).changes)
    const again = await plan()
    deepEqual([again.backend.api, again.port, summary(again), again.turns], ['gateway', 9142, [], []])
  })

  it('come back with our own Gateway if that was deleted, or with it all', async () => {
    const { kube, plan, sync } = cluster()
    await sync((await plan(OWN)).changes)
    const type = {
      group: 'gateway.networking.k8s.io',
      version: 'v1',
      kind: 'Gateway',
      plural: 'gateways',
      namespaced: true,
    }
    await kube.delete(type, 'cass-sni-dc1', NAMESPACE)
    deepEqual(summary(await plan()), ['created Gateway cass-sni-dc1'])
  })

  it('are in drift if the status does not state that they are served', async () => {
    const { kube, plan, sync } = cluster()
    await sync((await plan(OWN)).changes)
    const { drift } = await plan()
    match(drift.shared.join(), /cass-sni-dc1 in namespace cass-operator: Accepted is not reported yet/)
    const [faults] = drift.differences.values()
    match(faults?.join() ?? '', /not accepted by Gateway cass-operator\/cass-sni-dc1 yet/)
    const [[gateway], routes] = [await kube.list(API_GATEWAY), await kube.list(TLS_ROUTE)]
    const { awaited } = await plan()
    equal(awaited?.routes.length, 2)
    if (awaited === undefined) return
    const served = acceptanceOf(
      awaited,
      programmed(gateway as KubeObject, 2),
      routes.map((each) => accepted(each)),
    )
    deepEqual([served.gateway, [...served.routes]], [[], []])
    // once the status states it, nothing is waited for
    const report = ({ apiVersion, kind, metadata: { name, namespace }, status }: KubeObject, type = TLS_ROUTE) =>
      kube.apply(type, { apiVersion, kind, metadata: { name, namespace }, status }, { manager: 'controller' })
    for (const each of routes) await report(accepted(each))
    await report(programmed(gateway as KubeObject, 2), API_GATEWAY)
    const settled = await plan()
    deepEqual([settled.awaited, settled.drift.shared, [...settled.drift.differences]], [undefined, [], []])
  })

  it('replace those of Istio in two parts: the new ones, and once they are served, the old ones', async () => {
    const { plan, sync } = cluster()
    await sync((await plan()).changes)
    const { handover, turns, changes } = await plan(OWN)
    deepEqual(
      turns.map(({ what, from, to }) => `${what} ${from} ${to}`),
      ['API istio gateway', 'gateway istio-system/istio-ingressgateway cass-operator/cass-sni-dc1'],
    )
    const first = changesIn(written(handover))
    // the old gateway serves until then, so the Services stay exported to it
    deepEqual(
      first.find(({ type }) => type.kind === 'Service')?.fields.map(({ after }) => after),
      ['.,istio-system'],
    )
    equal(
      first.some(({ action }) => action === 'pruned'),
      false,
    )
    const then = changesIn(handover?.then ?? { stages: [] })
    deepEqual(
      then.map(({ action, type, name }) => `${action} ${type.kind} ${name}`),
      ['configured Service istio-ingressgateway', 'pruned VirtualService cass-sni-dc1', 'pruned Gateway cass-sni-dc1'],
    )
    equal(changesIn(changes).length, first.length + then.length)
    // afterwards the Services are exported to the new gateway only, and nothing is left to do
    await sync(written(handover))
    await sync(handover?.then ?? { stages: [] })
    const next = await plan()
    deepEqual([next.backend.api, next.handover], ['gateway', undefined])
    equal(
      summary(next).every((change) => change.startsWith('configured Service')),
      true,
    )
    await sync(next.changes)
    deepEqual(summary(await plan()), [])
  })

  it('are replaced by those of Istio likewise, after which Istio is the API', async () => {
    const { plan, sync } = cluster()
    await sync((await plan(OWN)).changes)
    const { handover } = await plan({ api: 'istio' })
    await sync(written(handover))
    // interrupted here, a sync without flags goes on with Istio
    const resumed = await plan()
    equal(resumed.backend.api, 'istio')
    deepEqual(
      changesIn(resumed.handover?.then ?? { stages: [] }).map(({ action, type }) => `${action} ${type.kind}`),
      ['pruned TLSRoute', 'pruned TLSRoute', 'pruned Gateway'],
    )
  })

  it('do not take a Service that was created for the Gateway with its labels for one of ours', async () => {
    const { plan, sync, kube } = cluster()
    await sync((await plan(OWN)).changes)
    const [gateway] = await kube.list(API_GATEWAY)
    const labels = { ...gateway?.metadata.labels, 'gateway.networking.k8s.io/gateway-name': 'cass-sni-dc1' }
    await kube.apply(SERVICE, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'cass-sni-dc1-istio', namespace: NAMESPACE, labels },
    })
    deepEqual(summary(await plan()), [])
  })

  it('are written as v1alpha2 where v1 is not served', async () => {
    const served = { ...SERVED, 'gateway.networking.k8s.io': ['v1', 'v1alpha2'] }
    const { kube } = cluster([gatewayClass('other', 'True', 'example.com/controller')], served)
    const earlier: Kube = {
      ...kube,
      resourceType: async (apiVersion, kind) => {
        if (kind === 'TLSRoute' && apiVersion.endsWith('/v1')) throw new CassSniError('CSNI205', 'not served')
        return kube.resourceType(apiVersion, kind)
      },
    }
    const observe = (gatewayClass: string) =>
      gather(earlier, { namespace: NAMESPACE, api: 'gateway', gatewayClass }).observation
    const plan = planRoutes(await observe('other'), { mode: 'sni' })
    equal(find(plan, 'TLSRoute')[0]?.apiVersion, 'gateway.networking.k8s.io/v1alpha2')
    // the Istio of this cluster does not read it
    await rejects(observe('istio'), { code: 'CSNI509' })
  })

  it('lead the other commands to the Service of their Gateway', async () => {
    const { kube, plan, sync } = cluster()
    await sync((await plan(OWN)).changes)
    const labels = { 'gateway.networking.k8s.io/gateway-name': 'cass-sni-dc1' }
    const metadata = { name: 'cass-sni-dc1-istio', namespace: NAMESPACE, labels }
    const spec = { selector: labels, ports: [{ port: 9042 }], type: 'LoadBalancer' }
    await kube.apply(SERVICE, { apiVersion: 'v1', kind: 'Service', metadata, spec }, { manager: 'istiod' })
    const [gateway] = await kube.list(API_GATEWAY)
    const status = { addresses: [{ type: 'IPAddress', value: '10.200.1.11' }] }
    await kube.apply(API_GATEWAY, { ...(gateway as KubeObject), status }, { manager: 'istiod' })
    const choices = await recallChoices(kube, NAMESPACE, undefined)
    const mesh = await observeMesh(kube)
    const found = await findGateway(kube, mesh, { remembered: choices })
    deepEqual(
      [found.service, found.addresses, found.resource],
      [metadata.name, ['10.200.1.11'], 'cass-operator/cass-sni-dc1'],
    )
    // a Service is no name of a Gateway resource
    const wanted = 'istio-system/istio-ingressgateway'
    await rejects(findGateway(kube, mesh, { wanted, remembered: choices }), (error: CassSniError) => {
      deepEqual([error.code, error.next], ['CSNI502', [{ again: [], without: ['gateway'] }]])
      return true
    })
  })

  it('are deleted by routes delete, with our own Gateway and the Services', async () => {
    const { plan, sync, kube } = cluster()
    await sync((await plan(OWN)).changes)
    const context = { ...CONTEXT, kube, now: Date.now }
    const deleted = await deleteRoutes(context, { datacenter: undefined })
    deepEqual([deleted.datacenter, deleted.deleted, deleted.closed], ['dc1', 5, []])
    deepEqual([await kube.list(TLS_ROUTE), await kube.list(API_GATEWAY)], [[], []])
    equal((await deleteRoutes(context, { datacenter: undefined })).deleted, 0)
  })

  it('are refused without the API, and in mode tcp', async () => {
    await rejects(cluster([], { 'networking.istio.io': ['v1'] }).plan(OWN), { code: 'CSNI509' })
    await rejects(cluster().plan(OWN, 'tcp'), { code: 'CSNI101' })
    await rejects(cluster().plan({ gatewayClass: 'istio' }), { code: 'CSNI101' })
  })

  it('need no Istio', async () => {
    const plan = await cluster([], { 'gateway.networking.k8s.io': ['v1'] }).plan(OWN)
    equal(plan.conflicts.length, 0)
    equal(find(plan, 'TLSRoute').length, 2)
  })
})

describe('what cannot be listed for conflicts', () => {
  it('is reported, and not taken for absent', async () => {
    const { kube } = cluster()
    const denied: Kube = {
      ...kube,
      list: async (type, options) => {
        const isDenied = ['TLSRoute', 'AuthorizationPolicy'].includes(type.kind) && options?.namespace !== NAMESPACE
        if (isDenied) throw new CassSniError('CSNI203', `cannot list ${type.plural}`)
        return kube.list(type, options)
      },
    }
    const warnings: string[] = []
    const emit = (event: WorkflowEvent) => {
      if (event.type === 'warning') warnings.push(event.message)
    }
    const result = await syncRoutes(
      { ...CONTEXT, kube: denied, emit, now: Date.now, ask: undefined, dryRun: true },
      { mode: 'sni' },
    )
    equal(result.summary.created > 0, true)
    deepEqual(warnings.slice(1), [
      'checked for conflicting TLSRoutes in namespace cass-operator only: no permission to list them cluster-wide',
      'not checked whether an AuthorizationPolicy denies the port of the gateway: cannot list authorizationpolicies',
    ])
  })
})
