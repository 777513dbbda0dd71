/** The default of the mesh for VirtualServices without exportTo. */
import { deepEqual } from 'node:assert/strict'
import type { Kube, ResourceType } from '../../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../../src/lib/errors.ts'
import { defaultExportTo } from '../../../src/lib/istio/heeded.ts'
import type { IngressGateway, Istiod, Mesh } from '../../../src/lib/istio/mesh.ts'

const GATEWAY = { namespace: 'istio-system', pods: [] } as unknown as IngressGateway

function mesh(...revisions: string[]): Mesh {
  const istiods = revisions.map((revision) => ({ namespace: 'istio-system', deployment: 'istiod', revision }) as Istiod)
  return { istiods, gateways: [] } as unknown as Mesh
}

/** A cluster with these mesh configurations, by the name of their ConfigMap. */
function cluster(configs: Record<string, string>): Kube {
  return {
    async get(_type: ResourceType, name: string) {
      const found = configs[name]
      if (found === 'forbidden') throw new CassSniError('CSNI203', 'forbidden')
      return found === undefined ? undefined : { metadata: { name }, data: { mesh: found } }
    },
  } as unknown as Kube
}

describe('the namespaces to which VirtualServices are exported', () => {
  const own = 'defaultVirtualServiceExportTo:\n- "."\n'
  const grid: [string, Record<string, string>, string[], string[] | undefined][] = [
    ['are all without a configuration', {}, ['default'], undefined],
    ['are all where it does not limit them', { istio: 'enableTracing: true\n' }, ['default'], undefined],
    ['are all where it may not be read', { istio: 'forbidden' }, ['default'], undefined],
    ['are those of the mesh', { istio: own }, ['default'], ['.']],
    ['are those of a revision', { 'istio-canary': own }, ['canary'], ['.']],
  ]
  for (const [what, configs, revisions, expected] of grid)
    it(what, async () => deepEqual(await defaultExportTo(cluster(configs), mesh(...revisions), GATEWAY), expected))
})
