import assert from 'node:assert/strict'
import type { Kube } from '../../../src/lib/cluster/kube.ts'
import { desiredMetadata } from '../../../src/lib/workflows/controller/metadata-services.ts'

describe('the metadata services of routes controller install', () => {
  const datacenters = ['dc1', 'dc2'].map((name) => ({ metadata: { name, namespace: 'db' } }))
  const kube = { list: async () => datacenters } as unknown as Kube
  const scope = { namespaces: ['db'], datacenter: undefined }
  const installed = [{ namespace: 'db', datacenter: 'dc1', name: 'a.example.com' }]
  const desired = async (...texts: string[]) =>
    (await desiredMetadata(kube, texts, scope, installed)).map(({ datacenter, name }) => `${datacenter}=${name}`)

  it('are those installed, with the changes of the command line', async () => {
    assert.deepEqual(await desired(), ['dc1=a.example.com'])
    assert.deepEqual(await desired('dc2=b.example.com'), ['dc1=a.example.com', 'dc2=b.example.com'])
    assert.deepEqual(await desired('db/dc1=b.example.com'), ['dc1=b.example.com'])
    assert.deepEqual(await desired('dc1='), [])
  })

  it('have one name per datacenter: each service would replace the other', async () => {
    await assert.rejects(desired('dc1=b.example.com', 'dc1=c.example.com'), {
      code: 'CSNI101',
      message: '--metadata-name: more than one name for datacenter dc1: b.example.com, c.example.com',
    })
    await assert.rejects(desired('dc1=', 'db/dc1=c.example.com'), { code: 'CSNI101' })
  })

  it('require the datacenter if there are several', async () => {
    await assert.rejects(desired('b.example.com'), { code: 'CSNI105' })
    await assert.rejects(desired('dc3=b.example.com'), { code: 'CSNI301' })
  })
})
