/** Which StorageClass the data volumes get: decided once, before anything is written. */
import type { V1StorageClass } from '@kubernetes/client-node'
import type { KubeObject } from '../../cluster/kube.ts'
import { STORAGE_CLASS } from '../../cluster/resources.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import { storageClassOf } from './datacenter-config.ts'
import { type DatacenterRequest, liveDatacenters } from './datacenter-request.ts'
import { provisionerSyntax } from './field-syntax.ts'
import type { Missing, ReclaimPolicy, Setup } from './step.ts'

/** The name that the blog gives to the class. */
export const SERVER_STORAGE = 'server-storage'
/** storage.kubernetes.io, kubernetes/kubernetes pkg/volume/util/storageclass.go. */
const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

const CREATE = hint('--storage-provisioner with the name of a CSI driver creates the StorageClass server-storage')

/** What is wanted of the class that this program makes; undefined is the default, or what the class has. */
export interface ClassSettings {
  provisioner: string
  parameters: Record<string, string>
  reclaimPolicy?: ReclaimPolicy | undefined
  allowVolumeExpansion?: boolean | undefined
}

/** `make` is the class server-storage, created where it does not exist. */
export type StorageChoice = { name: string; make?: ClassSettings | undefined } | { name: undefined; missing: Missing }

/** A live StorageClass, or a desired one. */
export type StorageClass = KubeObject & Omit<V1StorageClass, 'metadata'>

/**
 * Errors: CSNI101 (--storage-class contradicts --storage-provisioner), CSNI204 (no such class), CSNI307 (a class
 * server-storage of another make).
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
  const make = classSettings(options, provisioner)
  const live = await context.kube.get<StorageClass>(STORAGE_CLASS, SERVER_STORAGE)
  if (live !== undefined) refuseOtherMake(live, make)
  return { name: SERVER_STORAGE, make }
}

function classSettings(options: Setup['options'], provisioner: string): ClassSettings {
  return {
    provisioner,
    parameters: options.storageParameters,
    reclaimPolicy: options.storageReclaimPolicy,
    allowVolumeExpansion: options.allowVolumeExpansion,
  }
}

/** Provisioner, parameters and reclaim policy of a class are immutable (kubernetes pkg/apis/storage/validation). */
function refuseOtherMake(live: StorageClass, make: ClassSettings): void {
  const { provisioner, parameters = {}, reclaimPolicy = 'Delete' } = live
  const names = new Set([...Object.keys(parameters), ...Object.keys(make.parameters)])
  const different = [
    ...(provisioner === make.provisioner ? [] : [`provisioner ${provisioner}`]),
    ...([...names].every((name) => parameters[name] === make.parameters[name])
      ? []
      : [`parameters ${JSON.stringify(parameters)}`]),
    ...(make.reclaimPolicy === undefined || make.reclaimPolicy === reclaimPolicy
      ? []
      : [`reclaimPolicy ${reclaimPolicy}`]),
  ]
  if (different.length === 0) return
  throw new CassSniError(
    'CSNI307',
    `storageclass/${SERVER_STORAGE} exists with ${different.join(' and ')}, which cannot be changed in place`,
    {
      object: `storageclass.storage.k8s.io/${SERVER_STORAGE}`,
      next: [
        hint(`use --storage-class ${SERVER_STORAGE} instead of --storage-provisioner to take the class as it is`),
        command`kubectl get storageclass ${SERVER_STORAGE} -o yaml`,
      ],
    },
  )
}

async function existingClass(setup: Setup, request: DatacenterRequest): Promise<StorageChoice> {
  const { options, context } = setup
  const [classes, live] = await Promise.all([context.kube.list<StorageClass>(STORAGE_CLASS), liveDatacenters(setup)])
  const names = classes.map((storageClass) => storageClass.metadata.name)
  const wanted =
    options.storageClass ??
    storageClassOf(request.file?.datacenter) ??
    storageClassOf(live.find(({ metadata }) => metadata.name === request.name))
  if (wanted !== undefined) {
    if (names.includes(wanted)) return { name: wanted }
    throw new CassSniError(
      'CSNI204',
      `storageclass/${wanted} not found; existing: ${names.length === 0 ? 'none' : names.join(', ')}`,
      {
        object: `storageclass.storage.k8s.io/${wanted}`,
        next: [
          command`kubectl get storageclasses`,
          ...(names[0] === undefined ? [CREATE] : [again`--storage-class ${names[0]}`]),
        ],
      },
    )
  }
  const byDefault = classes.find(isDefault) ?? classes.find(({ metadata }) => metadata.name === SERVER_STORAGE)
  if (byDefault !== undefined) return { name: byDefault.metadata.name }
  if (context.ask !== undefined) return askForClass(setup, names)
  const why = `the cluster has no default StorageClass${names.length === 0 ? '' : `; existing: ${names.join(', ')}`}`
  const next = [...(names[0] === undefined ? [] : [again`--storage-class ${names[0]}`]), CREATE]
  return { name: undefined, missing: { why, next } }
}

function isDefault(storageClass: StorageClass): boolean {
  return DEFAULT_CLASS.some((annotation) => storageClass.metadata.annotations?.[annotation] === 'true')
}

const NEW_CLASS = ''

/** One of the classes, or server-storage by a provisioner that the user names. */
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
          message: 'StorageClass of the data volumes',
          choices: [
            ...names.map((name) => ({ value: name, label: name })),
            { value: NEW_CLASS, label: `a new one, ${SERVER_STORAGE}` },
          ],
        })
  if (chosen !== NEW_CLASS) return { name: chosen }
  const provisioner = await ask({
    kind: 'text',
    name: 'storage-provisioner',
    flag: '--storage-provisioner',
    message: `Provisioner of the new StorageClass ${SERVER_STORAGE}`,
    validate: provisionerSyntax,
  })
  return { name: SERVER_STORAGE, make: classSettings(options, provisioner.trim()) }
}
