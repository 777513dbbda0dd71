/** Which StorageClass to use for the data volumes: decided once, before anything is written. */
import type { V1StorageClass } from '@kubernetes/client-node'
import type { KubeObject } from '../../cluster/kube.ts'
import { STORAGE_CLASS } from '../../cluster/resources.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import { storageClassOf } from './datacenter-config.ts'
import { type DatacenterRequest, liveDatacenters } from './datacenter-request.ts'
import { provisionerSyntax } from './field-syntax.ts'
import type { Missing, ReclaimPolicy, Setup } from './step.ts'

/** Name of the StorageClass that --storage-provisioner creates. */
export const SERVER_STORAGE = 'server-storage'
/** storage.kubernetes.io, kubernetes/kubernetes pkg/volume/util/storageclass.go. */
const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

const CREATE = hint(
  'to create the StorageClass server-storage, pass the name of a CSI driver with --storage-provisioner',
)

/** Settings of the StorageClass to create. Undefined uses the default, or keeps the live value. */
export interface ClassSettings {
  provisioner: string
  parameters: Record<string, string>
  reclaimPolicy?: ReclaimPolicy | undefined
  allowVolumeExpansion?: boolean | undefined
}

/** `settings` are those of server-storage, which is created if it does not exist. */
export type StorageChoice =
  | { name: string; settings?: ClassSettings | undefined }
  | { name: undefined; missing: Missing }

/** A live StorageClass, or a desired one. */
export type StorageClass = KubeObject & Omit<V1StorageClass, 'metadata'>

/**
 * Returns the StorageClass from the flags, the file, the cluster, or a prompt.
 * Errors: CSNI101 (--storage-class with --storage-provisioner), CSNI204 (not found), CSNI307 (server-storage already
 * exists with other settings).
 */
export async function chooseStorage(setup: Setup, request: DatacenterRequest): Promise<StorageChoice> {
  const { options, context } = setup
  const { storageProvisioner: provisioner, storageClass } = options
  if (provisioner === undefined) return existingClass(setup, request)
  if (storageClass !== undefined && storageClass !== SERVER_STORAGE) {
    throw new CassSniError(
      'CSNI101',
      `--storage-provisioner creates the StorageClass ${SERVER_STORAGE} and cannot be combined with ` +
        `--storage-class ${storageClass}`,
      { next: [command`kubectl cass-sni install --help`] },
    )
  }
  const settings = classSettings(options, provisioner)
  const live = await context.kube.get<StorageClass>(STORAGE_CLASS, SERVER_STORAGE)
  if (live !== undefined) refuseOtherSettings(live, settings)
  return { name: SERVER_STORAGE, settings }
}

function classSettings(options: Setup['options'], provisioner: string): ClassSettings {
  return {
    provisioner,
    parameters: options.storageParameters,
    reclaimPolicy: options.storageReclaimPolicy,
    allowVolumeExpansion: options.allowVolumeExpansion,
  }
}

/** Provisioner, parameters and reclaim policy are immutable (kubernetes pkg/apis/storage/validation). CSNI307. */
function refuseOtherSettings(live: StorageClass, settings: ClassSettings): void {
  const { provisioner, parameters = {}, reclaimPolicy = 'Delete' } = live
  const names = new Set([...Object.keys(parameters), ...Object.keys(settings.parameters)])
  const different = [
    ...(provisioner === settings.provisioner ? [] : [`provisioner ${provisioner}`]),
    ...([...names].every((name) => parameters[name] === settings.parameters[name])
      ? []
      : [`parameters ${JSON.stringify(parameters)}`]),
    ...(settings.reclaimPolicy === undefined || settings.reclaimPolicy === reclaimPolicy
      ? []
      : [`reclaimPolicy ${reclaimPolicy}`]),
  ]
  if (different.length === 0) return
  throw new CassSniError(
    'CSNI307',
    `storageclass/${SERVER_STORAGE} already exists with ${different.join(' and ')}, which is immutable`,
    {
      object: `storageclass.storage.k8s.io/${SERVER_STORAGE}`,
      next: [
        hint(`to use the existing StorageClass, replace --storage-provisioner with --storage-class ${SERVER_STORAGE}`),
        command`kubectl get storageclass ${SERVER_STORAGE} -o yaml`,
      ],
    },
  )
}

async function existingClass(setup: Setup, request: DatacenterRequest): Promise<StorageChoice> {
  const { options, context } = setup
  const [classes, live] = await Promise.all([context.kube.list<StorageClass>(STORAGE_CLASS), liveDatacenters(setup)])
  const names = classes.map((storageClass) => storageClass.metadata.name)
  const requested =
    options.storageClass ??
    storageClassOf(request.file?.datacenter) ??
    storageClassOf(live.find(({ metadata }) => metadata.name === request.name))
  if (requested !== undefined) {
    if (names.includes(requested)) return { name: requested }
    throw new CassSniError('CSNI204', `storageclass/${requested} not found (${availableClasses(names)})`, {
      object: `storageclass.storage.k8s.io/${requested}`,
      next: [
        command`kubectl get storageclasses`,
        ...(names[0] === undefined ? [CREATE] : [again`--storage-class ${names[0]}`]),
      ],
    })
  }
  const byDefault = classes.find(isDefault) ?? classes.find(({ metadata }) => metadata.name === SERVER_STORAGE)
  if (byDefault !== undefined) return { name: byDefault.metadata.name }
  if (context.ask !== undefined) return askForClass(setup, names)
  const reason = `no default StorageClass found (${availableClasses(names)})`
  const next = [...(names[0] === undefined ? [] : [again`--storage-class ${names[0]}`]), CREATE]
  return { name: undefined, missing: { reason, next } }
}

function availableClasses(names: readonly string[]): string {
  return `available: ${names.length === 0 ? 'none' : names.join(', ')}`
}

function isDefault(storageClass: StorageClass): boolean {
  return DEFAULT_CLASS.some((annotation) => storageClass.metadata.annotations?.[annotation] === 'true')
}

const NEW_CLASS = ''

/** Prompts for an existing class, or for the provisioner of a new one. */
async function askForClass({ context, options }: Setup, names: string[]): Promise<StorageChoice> {
  const { ask } = context
  if (ask === undefined) return { name: SERVER_STORAGE }
  const chosen =
    names.length === 0
      ? NEW_CLASS
      : await ask({
          kind: 'choose',
          name: 'storage-class',
          flag: '--storage-class',
          message: 'StorageClass for the data volumes',
          choices: [
            ...names.map((name) => ({ value: name, label: name })),
            { value: NEW_CLASS, label: `${SERVER_STORAGE} (new)` },
          ],
        })
  if (chosen !== NEW_CLASS) return { name: chosen }
  const provisioner = await ask({
    kind: 'text',
    name: 'storage-provisioner',
    flag: '--storage-provisioner',
    message: `Provisioner for the new StorageClass ${SERVER_STORAGE}`,
    validate: provisionerSyntax,
  })
  return { name: SERVER_STORAGE, settings: classSettings(options, provisioner.trim()) }
}
