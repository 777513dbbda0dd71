/** Creates the StorageClass server-storage on request; otherwise an existing class is used. */
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { ownedLabels } from '../../changes/ownership.ts'
import { validateChanges } from '../../changes/validate.ts'
import { STORAGE_CLASS } from '../../cluster/resources.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'
import { type ClassSettings, SERVER_STORAGE, type StorageChoice, type StorageClass } from './storage-choice.ts'

/**
 * Returns the StorageClass. Volumes are bound where the pod runs and can be expanded. They are retained by default,
 * because cass-operator deletes the claims of a removed node or datacenter.
 */
export function serverStorage(datacenter: string, settings: ClassSettings): StorageClass {
  const object: StorageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: SERVER_STORAGE, labels: ownedLabels(datacenter) },
    provisioner: settings.provisioner,
    reclaimPolicy: settings.reclaimPolicy ?? 'Retain',
    allowVolumeExpansion: settings.allowVolumeExpansion ?? true,
    volumeBindingMode: 'WaitForFirstConsumer',
  }
  if (Object.keys(settings.parameters).length > 0) object.parameters = settings.parameters
  return object
}

function describe({ provisioner, reclaimPolicy = 'Delete', allowVolumeExpansion = false }: StorageClass): string {
  return (
    `${SERVER_STORAGE}, provisioner ${provisioner}, volumes ` +
    `${reclaimPolicy === 'Retain' ? 'retained' : 'deleted'} with their claims, ` +
    `${allowVolumeExpansion ? 'expandable' : 'not expandable'}`
  )
}

/** Returns the step that creates the StorageClass if --storage-provisioner is set. */
export function storageStep({ context }: Setup, choice: StorageChoice, datacenter: string): InstallStep {
  return {
    id: 'storage',
    title: 'StorageClass',

    async plan(): Promise<StepPlan> {
      if (choice.name === undefined) return { state: 'change', note: choice.missing.reason, missing: choice.missing }
      if (choice.settings === undefined) return { state: 'present', note: choice.name }
      const live = await context.kube.get<StorageClass>(STORAGE_CLASS, SERVER_STORAGE)
      const expansion = choice.settings.allowVolumeExpansion
      // a class with the same settings is used, even if created otherwise
      if (live !== undefined && (expansion === undefined || expansion === (live.allowVolumeExpansion ?? false)))
        return { state: 'present', note: describe(live) }
      // only the expansion of a live class can be changed
      const object =
        live === undefined
          ? serverStorage(datacenter, choice.settings)
          : serverStorage(datacenter, {
              ...choice.settings,
              reclaimPolicy: live.reclaimPolicy === 'Retain' ? 'Retain' : 'Delete',
            })
      const changes = await planChanges(context.kube, [{ type: STORAGE_CLASS, ownership: 'own', object }])
      const { warnings } = await validateChanges(context.kube, changes)
      const note = describe(object)
      return { state: isSettled(changes) ? 'present' : 'change', note, changes, warnings }
    },

    async apply({ changes, note }): Promise<{ note: string }> {
      if (changes !== undefined) await applyChanges(context, changes)
      return { note }
    },
  }
}
