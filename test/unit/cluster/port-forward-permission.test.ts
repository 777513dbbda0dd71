import assert from 'node:assert/strict'
import { missingPortForwardVerb } from '../../../src/lib/cluster/port-forward-permission.ts'

describe('permission for port-forwarding', () => {
  const lacking = (minor: number, ...verbs: string[]) =>
    missingPortForwardVerb(
      {
        can: async (verb, _type, namespace, subresource) =>
          namespace === 'n' && subresource === 'portforward' && verbs.includes(verb),
        serverVersion: async () => ({ major: 1, minor }),
      },
      'n',
    )

  it('is get and create since Kubernetes 1.35, and the one that is missing is named', async () => {
    assert.equal(await lacking(35, 'get', 'create'), undefined)
    assert.equal(await lacking(35, 'create'), 'get')
    assert.equal(await lacking(35, 'get'), 'create')
    assert.equal(await lacking(35), 'get')
  })

  it('is get alone on older servers, and on one that does not tell its version', async () => {
    assert.equal(await lacking(34, 'get'), undefined)
    assert.equal(await lacking(34, 'create'), 'get')
    assert.equal(await lacking(Number.NaN, 'get'), undefined)
  })
})
