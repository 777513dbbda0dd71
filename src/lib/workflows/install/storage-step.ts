/** The blog's StorageClass server-storage: made on request, else an existing class is used. */
import { applyChanges } from '../../changes/apply.ts'
import type { Desired } from '../../changes/changeset.ts'
import { ownedLabels } from '../../changes/ownership.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { STORAGE_CLASS } from '../../cluster/resources.ts'
import { CassSniError, command } from '../../errors.ts'
import { valueAt } from './field-values.ts'
import type { Install, InstallStep, StepPlan } from './step.ts'

/** The name that the blog gives to the class. */
export const SERVER_STORAGE = 'server-storage'
/** storage.kubernetes.io, kubernetes/kubernetes pkg/volume/util/storageclass.go. */
const DEFAULT_CLASS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
]

/** As in the blog: a volume is bound where its pod runs, and goes with its claim. */
function serverStorage(datacenter: string, provisioner: string, parameters: Record<string, string>): Desired {
  return {
    type: STORAGE_CLASS,
    ownership: 'own',
    object: {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: SERVER_STORAGE, labels: ownedLabels(datacenter) },
      provisioner,
      ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
  }
}

/** The class that a CassandraDatacenter asks for. */
export function storageClassOf(datacenter: KubeObject | undefined): string | undefined {
  const name = valueAt(datacenter, ['spec', 'storageConfig', 'cassandraDataVolumeClaimSpec', 'storageClassName'])
  return typeof name === 'string' ? name : undefined
}

function isDefault(storageClass: KubeObject): boolean {
  return DEFAULT_CLASS.some((annotation) => storageClass.metadata.annotations?.[annotation] === 'true')
}

function sameParameters(live: KubeObject, parameters: Record<string, string>): boolean {
  const there = (live['parameters'] ?? {}) as Record<string, string>
  const names = new Set([...Object.keys(there), ...Object.keys(parameters)])
  return [...names].every((name) => there[name] === parameters[name])
}

async function chooseClass(install: Install): Promise<string> {
  const { options, context } = install
  const classes = await context.kube.list(STORAGE_CLASS)
  const names = classes.map((storageClass) => storageClass.metadata.name)
  const wanted =
    options.storageClass ??
    storageClassOf(install.datacenterObjects?.find((object) => object.kind === 'CassandraDatacenter')) ??
    storageClassOf(install.liveDatacenter)
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted
    throw new CassSniError(
      'CSNI204',
      `there is no StorageClass ${wanted}; there is ${names.length === 0 ? 'none' : names.join(', ')}`,
      {
        object: `storageclass.storage.k8s.io/${wanted}`,
        next: [
          command`kubectl get storageclasses`,
          command`kubectl cass-sni install --storage-provisioner PROVISIONER`,
          ...(names[0] === undefined ? [] : [command`kubectl cass-sni install --storage-class ${names[0]}`]),
        ],
      },
    )
  }
  const byDefault =
    classes.find(isDefault) ?? classes.find((storageClass) => storageClass.metadata.name === SERVER_STORAGE)
  if (byDefault !== undefined) return byDefault.metadata.name
  if (context.ask !== undefined) return askForClass(install, names)
  throw new CassSniError(
    'CSNI102',
    `the cluster has no default StorageClass${names.length === 0 ? '' : `; there is ${names.join(', ')}`}`,
    {
      next: [
        command`kubectl cass-sni install --storage-class NAME`,
        command`kubectl cass-sni install --storage-provisioner PROVISIONER`,
      ],
    },
  )
}

const NEW_CLASS = ''

/** One of the classes, or server-storage by a provisioner that the user names. */
async function askForClass({ context, options }: Install, names: string[]): Promise<string> {
  const { ask } = context
  if (ask === undefined) return SERVER_STORAGE
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
  if (chosen !== NEW_CLASS) return chosen
  const provisioner = await ask({
    kind: 'text',
    name: 'storage-provisioner',
    flag: '--storage-provisioner',
    message: `Provisioner of the new StorageClass ${SERVER_STORAGE}`,
    validate: (text) =>
      /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(\/[-\w.]+)?$/i.test(text.trim())
        ? undefined
        : 'Give a name such as pd.csi.storage.gke.io or kubernetes.io/no-provisioner.',
  })
  options.storageProvisioner = provisioner.trim()
  return SERVER_STORAGE
}

export const storageStep: InstallStep = {
  id: 'storage',
  title: 'StorageClass of the data volumes',

  async prepare(install): Promise<void> {
    const { options, context } = install
    if (options.storageProvisioner === undefined) {
      if (Object.keys(options.storageParameters).length > 0) {
        throw new CassSniError('CSNI101', '--storage-parameter needs --storage-provisioner', {
          next: [command`kubectl cass-sni install --help`],
        })
      }
      install.storageClass = await chooseClass(install)
      return
    }
    if (options.storageClass !== undefined && options.storageClass !== SERVER_STORAGE) {
      throw new CassSniError(
        'CSNI101',
        `--storage-provisioner makes the StorageClass ${SERVER_STORAGE}; it cannot go with --storage-class ${options.storageClass}`,
        { next: [command`kubectl cass-sni install --help`] },
      )
    }
    const live = await context.kube.get(STORAGE_CLASS, SERVER_STORAGE)
    if (
      live !== undefined &&
      (live['provisioner'] !== options.storageProvisioner || !sameParameters(live, options.storageParameters))
    ) {
      throw new CassSniError(
        'CSNI307',
        `StorageClass ${SERVER_STORAGE} is there with provisioner ${String(live['provisioner'])} and parameters ${JSON.stringify(live['parameters'] ?? {})}, which Kubernetes does not let anyone change`,
        {
          object: `storageclass.storage.k8s.io/${SERVER_STORAGE}`,
          next: [
            command`kubectl cass-sni install --storage-class ${SERVER_STORAGE}`,
            command`kubectl get storageclass ${SERVER_STORAGE} -o yaml`,
          ],
        },
      )
    }
    install.storageClass = SERVER_STORAGE
  },

  async look(install): Promise<StepPlan> {
    const { options, context } = install
    const name = install.storageClass ?? SERVER_STORAGE
    if (options.storageProvisioner === undefined) return { state: 'present', note: name }
    const live = await context.kube.get(STORAGE_CLASS, SERVER_STORAGE)
    // a class of the same make is used whoever made it
    if (live !== undefined && live['provisioner'] === options.storageProvisioner)
      return { state: 'present', note: name }
    const changes = await planChanges(context.kube, [
      serverStorage(install.datacenterName, options.storageProvisioner, options.storageParameters),
    ])
    return {
      state: 'change',
      note: `${name}, provisioner ${options.storageProvisioner}`,
      changes,
    }
  },

  async change(install, plan): Promise<string> {
    if (plan.changes !== undefined) await applyChanges(install.context, plan.changes)
    return plan.note
  },
}
