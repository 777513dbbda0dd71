/** What `cqlsh-sni` says when no session comes about in a datacenter without routes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { addressDialer, type Dialer } from '../../../src/lib/connection/dialer.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { observeAccess, openSession } from '../../../src/lib/workflows/cqlsh-session.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'
import { largeDatacenter } from '../../support/large-datacenter.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { datacenter } from '../../support/observed-datacenter.ts'

describe('a session where there are no routes', () => {
  const refused = async (dialer: Dialer): Promise<CassSniError> => {
    const context = {
      kube: { list: async () => [] } as unknown as Kube,
      signal: new AbortController().signal,
      emit: () => undefined,
      dryRun: false,
      now: Date.now,
    }
    const access = {
      datacenter: datacenter(),
      port: 9042,
      dialer,
      credentials: { username: 'u', password: 'p' },
      ca: '',
      nodes: [{ hostId: 'c8617bd4-af31-45c5-9d12-01c0247c7f8b', dnsName: 'a.example' }],
    }
    const choice = { tunnel: 'auto', insecureSkipTlsVerify: false } as const
    const error = await openSession(context, access, choice).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof CassSniError)
    return error
  }

  it('says what is wrong with an address that takes no connection', async () => {
    const { code, message } = await refused(addressDialer('127.0.0.1', 1))
    assert.equal(code, 'CSNI601')
    assert.match(message, /127\.0\.0\.1:1: connection refused/)
  })

  it('asks for routes when the gateway refuses behind a tunnel, or a load balancer resets', async () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const tunnel = await refused({
      describe: 'tunnel',
      dial: () => Promise.reject(new CassSniError('CSNI601', 'the far end refused', { cause })),
    })
    assert.equal(tunnel.code, 'CSNI303')
    const balancer = createServer((socket) => socket.resetAndDestroy())
    await once(balancer.listen(0, '127.0.0.1'), 'listening')
    try {
      const reset = await refused(addressDialer('127.0.0.1', (balancer.address() as AddressInfo).port))
      assert.equal(reset.code, 'CSNI303')
    } finally {
      balancer.close()
    }
  })
})

describe('a session while no node has a host id', () => {
  it('leads to verify, for there is nothing to route yet', async () => {
    const config = { 'cassandra-yaml': { client_encryption_options: { enabled: true } } }
    const objects = largeDatacenter(3).map((object) =>
      object.kind === 'CassandraDatacenter'
        ? { ...object, spec: { ...(object['spec'] as object), config }, status: { nodeStatuses: {} } }
        : object,
    )
    const { kube } = kubeInMemory('cass-operator', objects, { 'networking.istio.io': ['v1', 'v1beta1'] })
    const context = {
      kube,
      signal: new AbortController().signal,
      emit: () => undefined,
      dryRun: false,
      now: Date.now,
    }
    const error = await observeAccess(context, { tunnel: 'auto', insecureSkipTlsVerify: false }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof CassSniError, String(error))
    assert.equal(error.code, 'CSNI303', error.message)
    assert.equal(nextTexts(error.next).at(-1), 'kubectl cass-sni verify')
  })
})

describe('a session at an address', () => {
  it('needs no permission outside the namespace of Cassandra', async () => {
    const config = { 'cassandra-yaml': { client_encryption_options: { enabled: true } } }
    const objects = largeDatacenter(3).map((object) =>
      object.kind === 'CassandraDatacenter'
        ? { ...object, spec: { ...(object['spec'] as object), config }, metadata: object.metadata }
        : object,
    )
    const { kube } = kubeInMemory('cass-operator', objects)
    const refusing: Kube = {
      ...kube,
      async list(type, options) {
        if (options?.namespace === 'cass-operator') return kube.list(type, options)
        throw new CassSniError('CSNI203', `cannot list ${type.plural}`)
      },
    }
    const context = {
      kube: refusing,
      signal: new AbortController().signal,
      emit: () => undefined,
      dryRun: false,
      now: Date.now,
    }
    const login = { username: 'app', password: async () => 'secret' }
    const choice = { address: '127.0.0.1:9042', tunnel: 'auto', insecureSkipTlsVerify: false, ...login } as const
    // the CA is the only object that this cluster lacks
    await assert.rejects(observeAccess(context, choice), { code: 'CSNI204', message: /has no CA/ })
    const { address: _, ...withoutAddress } = choice
    await assert.rejects(observeAccess(context, withoutAddress), { code: 'CSNI203', message: 'cannot list pods' })
  })
})
