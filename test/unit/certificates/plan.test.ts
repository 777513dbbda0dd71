import assert from 'node:assert/strict'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { requiredNames } from '../../../src/lib/certificates/certificate-names.ts'
import { pendingNodes, planCertificate, type PlanInput } from '../../../src/lib/certificates/certificate-plan.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { coverage, type Current } from '../../../src/lib/certificates/policies.ts'
import { parseNames } from '../../../src/lib/certificates/certificate-settings.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'
import { datacenter, HOST_IDS, node } from './datacenter.ts'

describe('the names of the certificate', () => {
  it("are the operator's, the Services', each node's DNS name and host id, and the public ones", () => {
    assert.deepEqual(requiredNames(datacenter(), { publicNames: ['cassandra.example.com', '203.0.113.7'] }), [
      'cassandra.example.com',
      'dc1.default.cassdc',
      'dse-dc1-all-pods-service.default.svc.cluster.local',
      'dse-dc1-default-sts-0.dse-dc1-all-pods-service.default.svc.cluster.local',
      'dse-dc1-default-sts-1.dse-dc1-all-pods-service.default.svc.cluster.local',
      'dse-dc1-default-sts-2.dse-dc1-all-pods-service.default.svc.cluster.local',
      'dse-dc1-service',
      'dse-dc1-service.default',
      'dse-dc1-service.default.svc',
      'dse-dc1-service.default.svc.cluster.local',
      HOST_IDS[0],
      HOST_IDS[1],
      '203.0.113.7',
    ])
  })

  it('are the same list whatever the order of nodes and names', () => {
    const { nodes } = datacenter()
    const routes = { anyNode: ['any.example.com'], perNode: ['n0.example.com', 'n1.example.com'] }
    const names = requiredNames(datacenter(), { publicNames: ['b.x.y', 'a.x.y'], sans: ['10.0.0.1'] }, routes)
    const turned = { ...routes, perNode: routes.perNode.toReversed() }
    const other = requiredNames(
      datacenter({ nodes: nodes.toReversed() }),
      { publicNames: ['a.x.y', 'B.x.y.'], sans: ['10.0.0.1', 'a.x.y'] },
      turned,
    )
    assert.deepEqual(other, names)
    for (const name of [...routes.anyNode, ...routes.perNode]) assert.ok(names.includes(name))
  })

  it('have no host ids with names public', () => {
    const names = requiredNames(datacenter(), { names: 'public', publicNames: ['a.x.y'] })
    assert.ok(names.includes('a.x.y') && names.includes(datacenter().nodes[0]?.dnsName ?? ''))
    assert.ok(!names.some((name) => HOST_IDS.some((id) => id === name)))
  })

  it('name the nodes that are not in yet', () => {
    const dc = datacenter({
      nodes: [node(0, { hostId: HOST_IDS[0] }), node(1, { replacing: true }), node(2, { waiting: 'no CPU' })],
    })
    assert.deepEqual(pendingNodes(dc), [
      {
        pod: 'dse-dc1-default-sts-1',
        reason: 'being replaced, new host ID not known yet',
      },
      { pod: 'dse-dc1-default-sts-2', reason: 'host ID not known yet (no CPU)' },
    ])
  })

  it('take public names as people write them, and refuse what is none', () => {
    assert.deepEqual(
      parseNames(
        [
          'Cassandra.Example.com.',
          'a.b,203.0.113.7',
          '2001:DB8:0:0:0:0:0:1',
          '*.db.example.com',
          'a.b',
          'Köln.example',
        ],
        'public-name',
      ),
      ['cassandra.example.com', 'a.b', '203.0.113.7', '2001:db8::1', '*.db.example.com', 'xn--kln-sna.example'],
    )
    for (const name of [
      '-x',
      'a b',
      'http://x',
      '*',
      '*.com',
      '1.2.3',
      'a..b',
      `${'a'.repeat(64)}.b`,
      'fe80::1%eth0',
      'ü b.de',
      'x\u001b[31m',
    ]) {
      assert.throws(
        () => parseNames([name], 'public-name'),
        (error: unknown) =>
          error instanceof CassSniError && error.code === 'CSNI101' && error.next.every((step) => 'hint' in step),
        name,
      )
    }
  })
})

describe('the plan of a certificate', () => {
  const authority = makeAuthority()
  const ca = readCertificate(authority.der)
  const dc = datacenter()

  /** What a keystore holds whose certificate carries these names. */
  const current = (names: string[]): Current => ({
    leaf: readCertificate(makeLeaf(authority, { names, clientAuth: true }).der),
    chain: [ca],
    trusted: [ca],
    keyMatches: true,
  })
  const plan = (more: Partial<PlanInput> = {}) =>
    planCertificate({
      dc,
      authorities: [[ca]],
      current: current(requiredNames(dc, {})),
      saved: {},
      renew: false,
      now: Date.now(),
      ...more,
    })
  const codes = (more: Partial<PlanInput>) => plan(more).reasons.map(({ code }) => code)

  it('keeps a certificate with every name, and saves nothing new', () => {
    assert.deepEqual(plan(), {
      reasons: [],
      names: requiredNames(dc, {}),
      settings: { publicNames: undefined, sans: undefined, names: undefined, renewBeforeMs: undefined },
      save: {},
      forgotten: [],
      superfluousHostIds: 0,
      wildcards: [],
      pending: [{ pod: 'dse-dc1-default-sts-2', reason: 'host ID not known yet (starting Cassandra)' }],
    })
  })

  it('issues for a name that is missing, on request, and for a keystore that cannot be read or holds nothing', () => {
    assert.deepEqual(codes({ requested: { publicNames: ['a.example.com'] } }), ['MissingNames'])
    assert.deepEqual(codes({ renew: true }), ['Requested'])
    assert.deepEqual(codes({ unreadable: 'damaged', current: undefined }), ['Unreadable'])
    assert.deepEqual(codes({ current: undefined }), ['NoCertificate'])
  })

  it('accepts a name that a wildcard covers', () => {
    const wild = current([...requiredNames(dc, {}), '*.example.com'])
    assert.deepEqual(codes({ current: wild, requested: { publicNames: ['a.example.com'] } }), [])
    assert.deepEqual(codes({ current: wild, requested: { publicNames: ['b.a.example.com'] } }), ['MissingNames'])
    assert.deepEqual(codes({ current: wild, requested: { publicNames: ['example.com'] } }), ['MissingNames'])
  })

  it('keeps the current host IDs while a node has none', () => {
    const gone = '33333333-3333-4333-8333-333333333333'
    const names = [...requiredNames(dc, {}), gone, 'a.example.com']
    assert.deepEqual(plan({ current: current(names), renew: true }).names, [...requiredNames(dc, {}), gone])
    const well = datacenter({ nodes: dc.nodes.slice(0, 2) })
    assert.ok(!plan({ dc: well, current: current(names), renew: true }).names.includes(gone))
  })

  it('replaces saved public names with the requested ones, but keeps those added since by another run', () => {
    const names = (requested: string[] | undefined, first: string[] | undefined, now: string[] | undefined) => {
      const { settings, save } = plan({
        requested: { publicNames: requested },
        known: { publicNames: first },
        saved: { publicNames: now },
      })
      return [settings.publicNames?.join() ?? '', Object.keys(save).length > 0]
    }
    assert.deepEqual(names(undefined, ['a'], ['a']), ['a', false])
    assert.deepEqual(names(['b'], ['a'], ['a']), ['b', true])
    assert.deepEqual(names([], ['a'], ['a']), ['', true])
    assert.deepEqual(names([], undefined, undefined), ['', false])
    assert.deepEqual(names(['b'], undefined, ['c']), ['b,c', true])
    assert.deepEqual(names(['b'], ['a'], ['c']), ['b,c', true])
    assert.deepEqual(names([], ['a'], ['a', 'c']), ['c', true])
    assert.deepEqual(names(undefined, ['a'], ['c']), ['c', false])
    assert.deepEqual(names(['b'], ['a'], ['b']), ['b', false])
    assert.deepEqual(names(['b', 'a'], ['a', 'b'], ['a', 'b']), ['a,b', false])
  })

  it('tells a forgotten public name from the names of nodes that are gone', () => {
    const gone = [
      '33333333-3333-4333-8333-333333333333',
      'dse-dc1-default-sts-3.dse-dc1-all-pods-service.default.svc.cluster.local',
    ]
    const carried = current([
      ...requiredNames(dc, { publicNames: ['b.example.com'] }),
      ...gone,
      'a.example.com',
      '203.0.113.7',
    ])
    assert.deepEqual(plan({ current: carried, requested: { publicNames: ['b.example.com'] } }).forgotten, [
      'a.example.com',
      '203.0.113.7',
    ])
    assert.deepEqual(plan({ current: carried, requested: {} }).forgotten, [])
  })

  describe('of a large datacenter', () => {
    const large = (size: number, change: (ordinal: number) => Partial<ReturnType<typeof node>> = () => ({})) =>
      datacenter({
        nodes: Array.from({ length: size }, (_, ordinal) => {
          const hostId = `00000000-0000-4000-8000-${String(ordinal).padStart(12, '0')}`
          return node(ordinal, { hostId, ...change(ordinal) })
        }),
      })

    it('has one name per node as long as Java accepts the certificate', () => {
      const { names, wildcards } = plan({ dc: large(200) })
      assert.deepEqual(wildcards, [])
      assert.ok(names.length > 400)
    })

    it('has one wildcard for the DNS names of 690 nodes, which is kept when nodes go', () => {
      const { names, wildcards } = plan({ dc: large(690) })
      assert.deepEqual(wildcards, ['*.dse-dc1-all-pods-service.default.svc.cluster.local'])
      assert.ok(names.length < 720 && names.includes(wildcards[0] ?? '') && names.includes(HOST_ID_OF_LAST))
      assert.ok(!names.some((name) => name.startsWith('dse-dc1-default-sts-')))
      assert.deepEqual(codes({ dc: large(3), current: current(names) }), [])
    })

    it('names a pod whose own name has a dot, which no wildcard covers', () => {
      const pod = 'dse-dc1-rack.1-sts-0'
      const dnsName = `${pod}.dse-dc1-all-pods-service.default.svc.cluster.local`
      const { names } = plan({ dc: large(600, (ordinal) => (ordinal === 0 ? { pod, dnsName } : {})) })
      assert.ok(names.includes(dnsName))
    })

    const templated = (dc: ReturnType<typeof large>) => ({
      anyNode: ['cass.example.com'],
      perNode: dc.nodes.map(({ pod }) => `${pod}.cass.example.com`),
    })

    it('has wildcards for the names of templates as well, and is valid for every name that the routes serve', () => {
      const dc = large(600)
      const routes = templated(dc)
      const { names, wildcards } = plan({ dc, routes })
      assert.deepEqual(wildcards, ['*.dse-dc1-all-pods-service.default.svc.cluster.local', '*.cass.example.com'])
      const held = current(names)
      assert.deepEqual(codes({ dc, routes, current: held }), [])
      const covered = coverage(names)
      for (const name of [...routes.anyNode, ...routes.perNode, ...dc.nodes.map(({ hostId }) => hostId ?? '')])
        assert.ok(covered(name), name)
    })

    it('has no host ids with names public, at any size, and keeps that', () => {
      const dc = large(3000)
      const routes = templated(dc)
      const requested = { names: 'public', publicNames: ['cassandra.example.com'] } as const
      const { names, save, settings, pending } = plan({
        dc,
        routes,
        requested: { ...requested, publicNames: [...requested.publicNames] },
      })
      assert.ok(names.length < 20 && names.includes('cassandra.example.com'), names.join())
      assert.deepEqual(save, { 'cass-sni/names': 'public', 'cass-sni/public-names': 'cassandra.example.com' })
      assert.deepEqual(pending, [])
      const later = { dc, routes, saved: settings, current: current(names) }
      assert.deepEqual([codes(later), plan(later).save], [[], {}])
      assert.deepEqual(plan({ ...later, requested: { names: 'all' }, dc: large(3) }).save, { 'cass-sni/names': null })
    })

    it('says how many host ids are left when names public changes nothing yet', () => {
      const dc = large(3)
      const held = current(requiredNames(dc, {}))
      assert.equal(plan({ dc, current: held, requested: { names: 'public' } }).superfluousHostIds, 3)
      assert.equal(plan({ dc, current: held }).superfluousHostIds, 0)
    })

    it('is refused when public names alone are too many, without proposing what is in force', () => {
      const publicNames = Array.from({ length: 900 }, (_, n) => `name-${n}.of.cassandra.example.com`)
      assert.throws(
        () => plan({ requested: { names: 'public', publicNames } }),
        (error: unknown) => {
          assert.ok(error instanceof CassSniError && error.code === 'CSNI405')
          return error.next.every((step) => 'hint' in step)
        },
      )
    })

    it('is refused when the host ids alone are too many, with the size and the way out', () => {
      assert.throws(
        () => plan({ dc: large(3000) }),
        (error: unknown) => {
          assert.ok(error instanceof CassSniError)
          assert.equal(error.code, 'CSNI405')
          assert.match(error.message, /TLS certificate message with the host IDs of 3000 nodes is 1\d{5} bytes.* 28672/)
          assert.deepEqual(nextTexts(error.next)[0], 'kubectl cass-sni verify --names public')
          return true
        },
      )
    })

    it('reads, plans and compares 1,000 names in under 50 ms of CPU, with a margin for slow machines', () => {
      const publicNames = Array.from({ length: 1000 }, (_, n) => `n${n}.example.com`)
      const { der } = makeLeaf(authority, { names: requiredNames(dc, { publicNames }), clientAuth: true })
      const times = Array.from({ length: 5 }, () => {
        const begun = process.cpuUsage()
        const held = { leaf: readCertificate(der), chain: [ca], trusted: [ca], keyMatches: true }
        assert.deepEqual(codes({ current: held, saved: { publicNames } }), [])
        const { user, system } = process.cpuUsage(begun)
        return (user + system) / 1000
      })
      assert.ok(Math.min(...times) < 150, `${times} ms`)
    })

    it('takes ten times the CPU for ten times the nodes, not a hundred times', function () {
      this.timeout(60_000)
      const cpu = (nodes: number) => {
        const dc = large(nodes)
        const held = current(plan({ dc }).names)
        const times = Array.from({ length: 3 }, () => {
          const begun = process.cpuUsage()
          assert.deepEqual(plan({ dc, current: held }).reasons, [])
          return process.cpuUsage(begun).user / 1000
        })
        return Math.min(...times)
      }
      cpu(69)
      const [few, many] = [cpu(69), cpu(690)]
      // a busy machine makes both slower
      assert.ok(many < 40 * Math.max(few, 0.5), `${few} ms, ${many} ms`)
    })
  })
})

const HOST_ID_OF_LAST = '00000000-0000-4000-8000-000000000689'
