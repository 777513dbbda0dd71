/** Client certificates of a CA that a rotation replaces. */
import assert from 'node:assert/strict'
import type { Datacenter } from '../../../src/lib/cassandra/datacenter.ts'
import { readCertificate } from '../../../src/lib/certificates/certificate.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { previousClients, reissueSteps, requireReissued } from '../../../src/lib/workflows/certs/previous-clients.ts'
import type { WorkflowContext } from '../../../src/lib/workflows/context.ts'
import { nextTexts } from '../../support/next-texts.ts'
import { makeAuthority, makeLeaf } from '../../support/operator-certificates.ts'

describe('client certificates of the previous CA', () => {
  const previous = makeAuthority()
  const next = makeAuthority({ dc: 'next' })
  const dc = { name: 'dc1', namespace: 'x' } as Datacenter
  const path = [readCertificate(previous.pem)] as const
  const secret = (name: string, client: string, { pem, keyPem }: { pem: string; keyPem: string }) => ({
    metadata: { name, labels: { 'cass-sni/client': client } },
    data: {
      'tls.crt': Buffer.from(pem).toString('base64'),
      'tls.key': Buffer.from(keyPem).toString('base64'),
    },
  })
  const context = (list: () => unknown[]) =>
    ({ kube: { list: async () => list(), clockSkewMs: () => 0 }, now: Date.now }) as unknown as WorkflowContext
  const stored = context(() => [
    secret('old', 'orders', makeLeaf(previous)),
    secret('renewed', 'billing', makeLeaf(next)),
    secret('expired', 'gone', makeLeaf(previous, { notBefore: 0, notAfter: Date.now() - 1000 })),
  ])

  it('are the valid ones that it signed', async () => {
    const clients = await previousClients(stored, dc, [...path])
    assert.deepEqual(
      clients.map(({ client, secret: name }) => [client, name]),
      [['orders', 'old']],
    )
    assert.deepEqual(nextTexts(reissueSteps(clients)), ['kubectl cass-sni certs issue-client orders --secret old'])
  })

  it('keep the CA from being removed', async () => {
    await assert.rejects(requireReissued(stored, dc, [...path]), (error: unknown) => {
      assert.ok(error instanceof CassSniError)
      assert.equal(error.code, 'CSNI404')
      assert.match(error.message, /client certificates of the previous CA: secret\/old$/)
      return true
    })
    await requireReissued(stored, dc, [readCertificate(makeAuthority({ dc: 'third' }).pem)])
  })

  it('are unknown without permission to list Secrets: the command is named without a client', async () => {
    const forbidden = context(() => {
      throw new CassSniError('CSNI203', 'forbidden')
    })
    await requireReissued(forbidden, dc, [...path])
    assert.deepEqual(nextTexts(reissueSteps([])), ['kubectl cass-sni certs issue-client, for each client'])
  })
})
