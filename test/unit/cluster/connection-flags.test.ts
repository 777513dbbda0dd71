import assert from 'node:assert/strict'
import { connectionOf, CONNECTION_FLAGS, programConnection } from '../../../src/lib/cluster/connection-flags.ts'

describe('the connection flags', () => {
  it('are each the value of one option', () => {
    const fields = CONNECTION_FLAGS.map(({ field }) => field)
    assert.equal(new Set(fields).size, fields.length)
    assert.deepEqual(
      connectionOf({ server: 'https://x', 'as-group': ['a'], 'as-uid': '', 'request-timeout': 0, v: 6 }),
      {
        server: 'https://x',
        asGroups: ['a'],
        requestTimeoutMs: 0,
      },
    )
  })

  it('are what other programs call them', () => {
    const connection = { kubeconfig: '/k', context: 'c', as: 'u', asGroups: ['a', 'b'], namespace: 'n' }
    assert.deepEqual(programConnection(connection, 'istioctl'), {
      args: ['--context=c', '--kubeconfig=/k', '--as=u', '--as-group=a', '--as-group=b'],
      unknown: [],
    })
    assert.deepEqual(programConnection(connection, 'helm').args, [
      '--kube-context=c',
      '--kubeconfig=/k',
      '--kube-as-user=u',
      '--kube-as-group=a',
      '--kube-as-group=b',
    ])
  })

  it('that another program cannot be handed are named: it would go elsewhere, or as somebody else', () => {
    const { args, unknown } = programConnection(
      { server: 'https://x', token: 's3cret', insecureSkipTlsVerify: true },
      'helm',
    )
    assert.deepEqual(args, ['--kube-apiserver=https://x', '--kube-insecure-skip-tls-verify'])
    assert.deepEqual(unknown, ['--token'])
    assert.deepEqual(programConnection({ user: 'u', cluster: 'k', cacheDir: '/c' }, 'istioctl').unknown, [
      '--cluster',
      '--user',
    ])
  })
})
