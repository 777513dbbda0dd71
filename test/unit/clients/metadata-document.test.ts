import assert from 'node:assert/strict'
import { contactPoints, metadataDocument } from '../../../src/lib/clients/metadata-document.ts'

const ID = (n: number) => `c8617bd4-af31-45c5-9d12-00000000000${n}`
const node = (hostId: string | undefined, ready = true, terminating = false) => ({ hostId, ready, terminating })

describe('the metadata document', () => {
  it('has what drivers read: the host IDs of the ready nodes, the datacenter, the address with its port', () => {
    const datacenter = {
      cassandraName: 'DC-One',
      nodes: [node(ID(1)), node(ID(2), false), node(undefined), node(ID(3), true, true), node(ID(4))],
    }
    assert.deepEqual(metadataDocument(datacenter, 'cassandra.example.com:9042'), {
      version: 1,
      region: 'DC-One',
      contact_info: {
        type: 'sni_proxy',
        local_dc: 'DC-One',
        contact_points: [ID(1), ID(4)],
        sni_proxy_address: 'cassandra.example.com:9042',
      },
    })
  })

  it('does not exist without a ready node', () => {
    const nodes = [node(ID(1), false), node(undefined)]
    assert.deepEqual(contactPoints({ nodes }), [])
    assert.equal(metadataDocument({ cassandraName: 'dc1', nodes }, 'cassandra.example.com:9042'), undefined)
  })
})
