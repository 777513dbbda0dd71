/** The blog's StorageClass server-storage: made on request, else an existing class is used. */
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { ownedLabels } from '../../changes/ownership.ts'
import { validateChanges } from '../../changes/validate.ts'
import { STORAGE_CLASS } from '../../cluster/resources.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'
import { type ClassSettings, SERVER_STORAGE, type StorageChoice, type StorageClass } from './storage-choice.ts'

/**
 * As in the blog a volume is bound where its pod runs. Unlike there it stays when the claim goes, as cass-operator
 * deletes the claims of a node or datacenter that is removed, and it may grow.
 */
export function serverStorage(datacenter: string, make: ClassSettings): StorageClass {
  const object: StorageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: SERVER_STORAGE, labels: ownedLabels(datacenter) },
    provisioner: make.provisioner,
    reclaimPolicy: make.reclaimPolicy ?? 'Retain',
    allowVolumeExpansion: make.allowVolumeExpansion ?? true,
    volumeBindingMode: 'WaitForFirstConsumer',
  }
  if (Object.keys(make.parameters).length > 0) object.parameters = make.parameters
  return object
}

function describe({ provisioner, reclaimPolicy = 'Delete', allowVolumeExpansion = false }: StorageClass): string {
  return (
    `${SERVER_STORAGE}, provisioner ${provisioner}, volumes ` +
    `${reclaimPolicy === 'Retain' ? 'retained' : 'deleted'} with their claims, ` +
    `${allowVolumeExpansion ? 'expandable' : 'not expandable'}`
  )
}

/** The step that creates the StorageClass where --storage-provisioner asks for it. */
export function storageStep({ context }: Setup, choice: StorageChoice, datacenter: string): InstallStep {
  return {
    id: 'storage',
    title: 'StorageClass of the data volumes',

    async look(): Promise<StepPlan> {
      if (choice.name === undefined) return { state: 'change', note: choice.missing.why, missing: choice.missing }
      if (choice.make === undefined) return { state: 'present', note: choice.name }
      const live = await context.kube.get<StorageClass>(STORAGE_CLASS, SERVER_STORAGE)
      const wanted = choice.make.allowVolumeExpansion
      // a class of the same make is used whoever made it
      if (live !== undefined && (wanted === undefined || wanted === (live.allowVolumeExpansion ?? false)))
        return { state: 'present', note: describe(live) }
      // of a live class only the expansion can be changed
      const object =
        live === undefined
          ? serverStorage(datacenter, choice.make)
          : serverStorage(datacenter, {
              ...choice.make,
              reclaimPolicy: live.reclaimPolicy === 'Retain' ? 'Retain' : 'Delete',
            })
      const changes = await planChanges(context.kube, [{ type: STORAGE_CLASS, ownership: 'own', object }])
      const { warnings } = await validateChanges(context.kube, changes)
      const note = describe(object)
      return { state: isSettled(changes) ? 'present' : 'change', note, changes, warnings }
    },

    async change({ changes, note }): Promise<{ note: string }> {
      if (changes !== undefined) await applyChanges(context, changes)
      return { note }
    },
  }
}
