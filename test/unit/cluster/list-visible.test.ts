import assert from 'node:assert/strict'
import type { Kube, KubeObject, ListOptions, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { listVisible } from '../../../src/lib/cluster/list-visible.ts'
import { SERVICE } from '../../../src/lib/cluster/resources.ts'
import { CassSniError, type ErrorCode } from '../../../src/lib/errors.ts'

describe('listing what may be seen', () => {
  const asked: ListOptions[] = []
  const server = (answers: Record<string, string[] | ErrorCode>): Pick<Kube, 'list'> => ({
    list: async <T extends KubeObject>(_type: ResourceType, options: ListOptions = {}) => {
      asked.push(options)
      const answer = answers[options.namespace ?? '*'] ?? []
      if (typeof answer === 'string') throw new CassSniError(answer, `refused in ${options.namespace ?? 'all'}`)
      return answer.map((name) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name } }) as T)
    },
  })
  const names = (items: KubeObject[]) => items.map(({ metadata }) => metadata.name)
  beforeEach(() => asked.splice(0))

  it('asks once when all namespaces may be listed, with the selectors', async () => {
    const seen = await listVisible(server({ '*': ['a', 'b'] }), SERVICE, { namespaces: ['x'], labelSelector: 'l=1' })
    assert.deepEqual(
      [names(seen.items), seen.complete, seen.refusal, seen.unreadable.size],
      [['a', 'b'], true, undefined, 0],
    )
    assert.deepEqual(asked, [{ labelSelector: 'l=1' }])
  })

  it('looks into each namespace once when they may not, and tells what stayed hidden and why', async () => {
    const kube = server({ '*': 'CSNI203', x: ['a'], y: 'CSNI203' })
    const seen = await listVisible(kube, SERVICE, { namespaces: ['x', 'y', 'x'], labelSelector: 'l=1' })
    assert.deepEqual([names(seen.items), seen.complete, [...seen.unreadable.keys()]], [['a'], false, ['y']])
    assert.match(seen.refusal?.message ?? '', /refused in all/)
    assert.match(seen.unreadable.get('y')?.message ?? '', /refused in y/)
    assert.deepEqual(asked, [
      { labelSelector: 'l=1' },
      { labelSelector: 'l=1', namespace: 'x' },
      { labelSelector: 'l=1', namespace: 'y' },
    ])
  })

  it('hides no other failure', async () => {
    await assert.rejects(listVisible(server({ '*': 'CSNI205' }), SERVICE, { namespaces: ['x'] }), { code: 'CSNI205' })
    const kube = server({ '*': 'CSNI203', x: 'CSNI208' })
    await assert.rejects(listVisible(kube, SERVICE, { namespaces: ['x'] }), { code: 'CSNI208' })
  })
})
