/** The public name of a bundle. */
import assert from 'node:assert/strict'
import type { CassandraNode } from '../../../src/lib/cassandra/datacenter.ts'
import type { Probes } from '../../../src/lib/checks/probes.ts'
import type { KubeObject } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { choosePublicName, requireServedName } from '../../../src/lib/workflows/bundle/public-name.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { datacenter, node } from '../../support/observed-datacenter.ts'

function keystore(publicNames: string | undefined): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'dc1-keystore',
      namespace: 'cass-operator',
      ...(publicNames === undefined ? {} : { annotations: { 'cass-sni/public-names': publicNames } }),
    },
    data: { 'node-keystore.jks': Buffer.from('unreadable').toString('base64') },
  } as KubeObject
}

const refused = (code: string, message: RegExp, next: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CassSniError, String(error))
  assert.equal(error.code, code)
  assert.match(error.message, message)
  assert.match(nextTexts(error.next).join('\n'), next)
  return true
}

describe('the public name of a bundle', () => {
  const choose = (saved: string | undefined, requested?: string, metadata?: string) =>
    choosePublicName(kubeInMemory('cass-operator', [keystore(saved)]).kube, datacenter(), { requested, metadata })

  it('is the requested one, that of the metadata service, or the only one in the certificates', async () => {
    assert.equal(await choose('a.example.com', 'b.example.com', 'c.example.com'), 'b.example.com')
    assert.equal(await choose('a.example.com', undefined, 'c.example.com'), 'c.example.com')
    assert.equal(await choose(undefined, 'Cassandra.Example.com.'), 'cassandra.example.com')
    assert.equal(await choose('cassandra.example.com,10.0.0.1,*.example.org'), 'cassandra.example.com')
    assert.equal(await choose(undefined, '10.0.0.1'), '10.0.0.1')
  })

  it('must be known, one, and no wildcard', async () => {
    await assert.rejects(choose(undefined), refused('CSNI102', /no public DNS name/, /--public-name$/))
    await assert.rejects(choose('10.0.0.1'), refused('CSNI102', /no public DNS name/, /--public-name$/))
    await assert.rejects(
      choose('a.example.com,b.example.com'),
      refused('CSNI105', /2 public names/, /--public-name a\./),
    )
    for (const odd of ['*.example.com', 'a.example.com,b.example.com', '', 'not a name', 'https://a.example.com'])
      await assert.rejects(choose(undefined, odd), (error: unknown) => (error as CassSniError).code === 'CSNI101', odd)
  })
})

describe('the certificates of a bundle', () => {
  type Answer = { names: string[]; chainReason?: string } | CassSniError
  const check = (answers: Answer[], saved?: string, more: Partial<CassandraNode>[] = [], metadata?: string) => {
    const nodes = answers.map((_, index) => node(index, more[index]))
    const probes = {
      datacenter: datacenter({ nodes }),
      handshake: async (serverName: string) => {
        const answer = answers[nodes.findIndex(({ hostId }) => hostId === serverName)]
        if (answer === undefined || answer instanceof CassSniError) throw answer
        return { certificate: { names: answer.names }, chainReason: answer.chainReason }
      },
    } as unknown as Probes
    const { kube } = kubeInMemory('cass-operator', [keystore(saved)])
    return requireServedName(probes, { name: 'c.example.com', metadata, kube, signal: new AbortController().signal })
  }
  const good = { names: ['C.example.com'] }
  const down = new CassSniError('CSNI603', 'no route')

  it('all have the name, itself or by a wildcard', async () => {
    assert.deepEqual(await check([good, { names: ['*.example.com'] }]), [])
  })

  it('may not be read from every node', async () => {
    assert.deepEqual(await check([good, down]), [{ pod: 'dse-dc1-default-sts-1', reason: 'no route' }])
    const starting: Partial<CassandraNode> = { state: 'Starting', waiting: 'starting Cassandra' }
    const [unchecked] = await check([good, good], undefined, [{}, starting])
    assert.match(unchecked?.reason ?? '', /not running: starting Cassandra/)
    await assert.rejects(check([down, down]), (error: unknown) => error === down)
  })

  it('lack the name: the command keeps the other names', async () => {
    const names = ['10.0.0.1', '*.c.example.com', 'b.c.example.com']
    await assert.rejects(
      check([good, { names }, down], 'old.example.com'),
      refused(
        'CSNI602',
        /^public name c\.example\.com is not in the certificate of node dse-dc1-default-sts-1$/,
        /certs -n cass-operator -d dc1 --public-name old\.example\.com --public-name c\.example\.com/,
      ),
    )
    await assert.rejects(
      check([{ names }, { names }]),
      refused('CSNI602', /of 2 nodes \(/, /certs -n cass-operator -d dc1 --public-name c\./),
    )
  })

  it('lack a name that certs has already: it is issued without flags', async () => {
    const expected = refused(
      'CSNI602',
      /public name c\.example\.com/,
      /^kubectl cass-sni certs -n cass-operator -d dc1$/,
    )
    await assert.rejects(check([{ names: [] }], 'a.example.com,c.example.com'), expected)
    await assert.rejects(check([{ names: [] }], 'a.example.com', [], 'c.example.com'), expected)
  })

  it('are not trusted', async () => {
    await assert.rejects(
      check([good, { ...good, chainReason: 'certificate expired on 2026-01-01' }]),
      refused('CSNI602', /dse-dc1-default-sts-1: certificate expired/, /certs status/),
    )
  })
})
