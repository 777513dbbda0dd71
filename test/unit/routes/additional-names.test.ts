import { deepEqual, doesNotThrow, equal, throws } from 'node:assert/strict'
import { datacenterFrom } from '../../../src/lib/cassandra/datacenter-from.ts'
import { requiredNames } from '../../../src/lib/certificates/certificate-names.ts'
import { ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../../../src/lib/cluster/resources.ts'
import {
  type AdditionalNames,
  additionalNamesOf,
  nodeNames,
  parseAnyNode,
  parseMetadataName,
  parseTemplates,
  requireDistinctNames,
} from '../../../src/lib/routes/additional-names.ts'
import { backendOf } from '../../../src/lib/routes/backends/backend-of.ts'
import { ROUTE_BACKENDS } from '../../../src/lib/routes/backends/backend.ts'
import { choicesFrom } from '../../../src/lib/routes/choices.ts'
import { tlsMatches } from '../../../src/lib/routes/live-routes.ts'
import { cassandraDatacenter, HOST_IDS, PODS, statefulSet } from '../cassandra/objects.ts'

const DC = datacenterFrom({ cr: cassandraDatacenter(), statefulSets: [statefulSet()], pods: PODS })
const NAMES: AdditionalNames = {
  sniTemplates: ['{pod}.cass.example.com'],
  anyNode: ['cass.example.com'],
  metadata: 'bundle.example.com',
}

describe('additional server names', () => {
  it('are parsed as DNS names in lower case, each once, and cleared by an empty value', () => {
    deepEqual(parseAnyNode(['Cass.Example.com.', 'b.example.com,cass.example.com']), [
      'cass.example.com',
      'b.example.com',
    ])
    deepEqual(parseTemplates(['{pod}.Example.com', '{rack}-{ordinal}.{namespace}.example.com']), [
      '{pod}.example.com',
      '{rack}-{ordinal}.{namespace}.example.com',
    ])
    deepEqual([parseAnyNode(['']), parseTemplates([''])], [[], []])
  })

  const templates: [string, RegExp][] = [
    ['cass.example.com', /expected \{pod\}, or \{rack\} and \{ordinal\}/],
    ['{pod}.{zone}.example.com', /unknown placeholder \{zone\}; available: \{pod\}, \{ordinal\}/],
    ['{toString}.example.com', /unknown placeholder/],
    ['{pod', /expected \{pod\}/],
    ['*.{pod}.example.com', /wildcards are not supported/],
    ['{pod}', /expected a DNS name/],
    ['{pod}.exa mple.com', /expected a DNS name/],
  ]
  for (const [template, reason] of templates)
    it(`refuse the template ${template}`, () =>
      throws(() => parseTemplates([template]), { code: 'CSNI101', message: reason }))

  const anyNode: [string, RegExp][] = [
    ['*.example.com', /wildcards are not supported/],
    ['cassandra', /expected a DNS name/],
    ['10.0.0.1', /expected a DNS name/],
    [HOST_IDS[0], /a host ID reaches one node/],
  ]
  for (const [name, reason] of anyNode)
    it(`refuse ${name} for any node`, () => throws(() => parseAnyNode([name]), { code: 'CSNI101', message: reason }))

  it('include one for the metadata service, which reaches no node', () => {
    deepEqual(['Bundle.Example.com.', ''].map(parseMetadataName), ['bundle.example.com', ''])
    for (const text of ['*.example.com', 'cassandra', 'a.example.com,b.example.com', '10.0.0.1'])
      throws(() => parseMetadataName(text), { code: 'CSNI101', message: /for --metadata-name: / }, text)
    const [node] = DC.nodes
    throws(() => requireDistinctNames({ ...NAMES, metadata: 'cass.example.com' }, DC), {
      code: 'CSNI101',
      message: 'invalid value "cass.example.com" for --metadata-name: it reaches any node (--any-node)',
    })
    throws(() => requireDistinctNames({ ...NAMES, metadata: `${node?.pod}.cass.example.com` }, DC), {
      message: /name of both the metadata service and dse-dc1-default-sts-0/,
    })
  })

  it('fill in what each node has', () => {
    const [node] = DC.nodes
    if (node === undefined) throw new Error('no node')
    const sniTemplates = ['{pod}.x.y', '{rack}-{ordinal}.{datacenter}.{namespace}.x.y']
    deepEqual(nodeNames({ sniTemplates, anyNode: [] }, { ...node, rack: 'My_Rack 1' }, DC), [
      'dse-dc1-default-sts-0.x.y',
      'my-rack-1-0.dc1.cass-operator.x.y',
    ])
  })

  it('are refused where two nodes would have the same', () => {
    doesNotThrow(() => requireDistinctNames(NAMES, DC))
    const nodes = DC.nodes.map((node) => ({ ...node, ordinal: 0 }))
    throws(() => requireDistinctNames({ sniTemplates: ['n{ordinal}.x.y'], anyNode: [] }, { ...DC, nodes }), {
      code: 'CSNI101',
      message: /"n0\.x\.y" for --sni-template: name of both dse-dc1-default-sts-0 and dse-dc1-default-sts-1/,
    })
    throws(() => requireDistinctNames({ ...NAMES, anyNode: ['dse-dc1-default-sts-1.cass.example.com'] }, DC), {
      message: /name of both any node and dse-dc1-default-sts-1/,
    })
    throws(() => requireDistinctNames({ sniTemplates: [], anyNode: [DC.nodes[0]?.dnsName ?? ''] }, DC), {
      message: /for --any-node: name of dse-dc1-default-sts-0/,
    })
  })

  for (const backend of ROUTE_BACKENDS)
    it(`are routed and recorded, with backend ${backend}`, () => {
      const input = {
        datacenter: DC,
        gateway: {
          namespace: 'gw',
          service: 'gw',
          serviceType: 'LoadBalancer',
          ports: [],
          addresses: [],
          selector: {},
          pods: [],
        },
        types: { gateway: ISTIO_GATEWAY, virtualService: VIRTUAL_SERVICE },
        port: 9042,
        live: [],
        names: NAMES,
      }
      const routes = backendOf('sni', 'istio', backend).desired(input)
      // one function computes the names of routes and certificate
      const required = requiredNames(DC, {}, additionalNamesOf(NAMES, DC))
      deepEqual(
        routes.serverNames.filter((name) => !required.includes(name)),
        [],
      )
      const objects = routes.stages.flat().map(({ object }) => object)
      const of = (kind: string) => objects.filter((each) => each.kind === kind)
      const matches = of('VirtualService').flatMap(tlsMatches)
      deepEqual(
        matches.map(({ sniHosts }) => sniHosts),
        [
          ['cass.example.com'],
          ['bundle.example.com'],
          ...DC.nodes.map(({ pod, dnsName, hostId }) => [dnsName, hostId, `${pod}.cass.example.com`]),
        ],
      )
      deepEqual(matches[0]?.destinations, ['cass-sni-dc1.cass-operator.svc.cluster.local'])
      deepEqual(matches[1]?.destinations, ['cass-sni-dc1-metadata.cass-operator.svc.cluster.local'])
      for (const name of ['cass-sni-dc1', 'cass-sni-dc1-metadata'])
        equal(of('Service').filter(({ metadata }) => metadata.name === name).length, 1, name)
      const [gateway] = of('Gateway')
      const virtualServices = of('VirtualService')
      deepEqual(choicesFrom({ gateway, virtualServices }).names, NAMES)
      // what an Envoy lacks that has loaded nothing: every name
      const lacked = backendOf('sni', 'istio', backend).lacks(routes, DC, [])
      deepEqual(lacked.sort(), [...routes.serverNames].sort())
    })

  it('must be in the certificate', () => {
    const required = requiredNames(DC, {}, additionalNamesOf(NAMES, DC))
    for (const name of [
      'cass.example.com',
      'bundle.example.com',
      ...DC.nodes.map(({ pod }) => `${pod}.cass.example.com`),
    ])
      equal(required.includes(name), true, name)
  })
})
