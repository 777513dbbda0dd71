/** The StorageClass that `install` makes. */
import assert from 'node:assert/strict'
import type { Question } from '../../../src/lib/events.ts'
import type { Setup } from '../../../src/lib/workflows/install/step.ts'
import { chooseStorage } from '../../../src/lib/workflows/install/storage-choice.ts'
import { serverStorage } from '../../../src/lib/workflows/install/storage-step.ts'
import { kubeInMemory } from '../../support/kube-in-memory.ts'

describe('the StorageClass server-storage', () => {
  const make = { provisioner: 'x/y', parameters: {} }

  it('keeps volumes when their claims go, lets them grow, and binds them where the pod runs, unless told otherwise', () => {
    const { metadata, ...made } = serverStorage('dc1', make)
    assert.equal(metadata.name, 'server-storage')
    assert.deepEqual(made, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      provisioner: 'x/y',
      reclaimPolicy: 'Retain',
      allowVolumeExpansion: true,
      volumeBindingMode: 'WaitForFirstConsumer',
    })
    const other = serverStorage('dc1', {
      provisioner: 'x/y',
      parameters: { type: 'pd-ssd' },
      reclaimPolicy: 'Delete',
      allowVolumeExpansion: false,
    })
    assert.deepEqual([other.reclaimPolicy, other.allowVolumeExpansion], ['Delete', false])
    assert.deepEqual(other.parameters, { type: 'pd-ssd' })
  })

  it('has what the flags say, also when its provisioner is answered to a question', async () => {
    const { kube } = kubeInMemory('ns', [])
    const flags = {
      storageParameters: { type: 'pd-ssd' },
      storageReclaimPolicy: 'Delete',
      allowVolumeExpansion: false,
    }
    const chosen = (options: object, ask?: (question: Question) => Promise<string>) =>
      chooseStorage(
        { context: { kube, ask }, options, namespace: 'ns' } as unknown as Setup,
        {
          name: 'dc1',
          options: {},
          isNew: true,
        } as Parameters<typeof chooseStorage>[1],
      )
    const expected = {
      name: 'server-storage',
      settings: {
        provisioner: 'x/y',
        parameters: { type: 'pd-ssd' },
        reclaimPolicy: 'Delete',
        allowVolumeExpansion: false,
      },
    }
    assert.deepEqual(await chosen({ ...flags, storageProvisioner: 'x/y' }), expected)
    assert.deepEqual(await chosen(flags, async () => ' x/y '), expected)
  })
})
