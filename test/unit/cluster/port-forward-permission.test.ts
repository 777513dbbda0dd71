import assert from 'node:assert/strict'
import { lackingForPortForward } from '../../../src/lib/cluster/port-forward-permission.ts'

describe('permission for port-forwarding', () => {
  const kube = (...verbs: string[]) => ({
    can: async (verb: string, _type: object, namespace?: string, subresource?: string) =>
      namespace === 'n' && subresource === 'portforward' && verbs.includes(verb),
  })

  it('is both get and create, and the one that is missing is named', async () => {
    assert.equal(await lackingForPortForward(kube('get', 'create'), 'n'), undefined)
    assert.equal(await lackingForPortForward(kube('create'), 'n'), 'get')
    assert.equal(await lackingForPortForward(kube('get'), 'n'), 'create')
    assert.equal(await lackingForPortForward(kube(), 'n'), 'get')
  })
})
