/** A cluster, datacenter and rack whose names are no names of Kubernetes, TLS on a port of its own, a gateway of two. */
import { deepEqual, equal } from 'node:assert/strict'
import { ISTIO_GATEWAY, SERVICE, VIRTUAL_SERVICE } from '../../src/lib/cluster/resources.ts'
import { apiServer, pathOf, type TestServer } from '../support/api-server.ts'
import { createDatacenter, type TestDatacenter } from '../support/cluster-state.ts'
import { runCommand } from '../support/command.ts'
import { addGateway, createMesh, type TestMesh } from '../support/mesh-state.ts'

describe('routes sync of a datacenter with odd names', function () {
  this.timeout(60_000)
  let server: TestServer
  let mesh: TestMesh
  let second: Awaited<ReturnType<typeof addGateway>>
  let dc: TestDatacenter

  before(async () => {
    server = await apiServer()
    mesh = await createMesh(server, { namespace: await server.namespace('istio') })
    second = await addGateway(server, { namespace: mesh.namespace, service: 'second-ingressgateway' })
    dc = await createDatacenter(server, {
      namespace: await server.namespace('odd'),
      name: 'dc2',
      clusterName: 'My Cluster_2',
      datacenterName: 'DC_Two East',
      racks: { 'Rack_A 1': 1 },
      cassandraYaml: { native_transport_port_ssl: 9142 },
    })
  })
  after(async () => {
    await Promise.all([mesh.remove(), second.remove(), dc.remove()])
    for (const type of [VIRTUAL_SERVICE, ISTIO_GATEWAY]) await server.remove(type, 'cass-sni-dc2', dc.namespace)
  })

  it('leads to its pods by their own names, on the port that serves TLS, at the gateway that was named', async () => {
    const where = ['--kubeconfig', server.kubeconfig, '-n', dc.namespace]
    const gateway = `${second.namespace}/${second.service}`
    const outcome = await runCommand(['routes', 'sync', ...where, '--gateway', gateway, '-o', 'json'])
    equal(outcome.exitCode, 0, outcome.stderr + outcome.stdout)
    const { result } = outcome.json()
    deepEqual(
      result.nodes.map((node: { pod: string; hostId: string }) => [node.pod, node.hostId]),
      [['mycluster-2-dc2-rack-a1-sts-0', dc.nodes[0]?.hostId]],
    )
    equal(result.gateway, gateway)
    const service = await server.client.get<{ spec: { ports: { port: number; targetPort: number }[] } }>(
      pathOf(SERVICE, dc.namespace, 'mycluster-2-dc2-rack-a1-sts-0-cql'),
    )
    deepEqual(
      service.spec.ports.map(({ port, targetPort }) => [port, targetPort]),
      [[9042, 9142]],
    )
    const again = await runCommand(['routes', 'sync', ...where, '--gateway', gateway, '-o', 'json'])
    deepEqual(
      again.json().changes.filter(({ action }: { action: string }) => action !== 'unchanged'),
      [],
    )
  })
})
