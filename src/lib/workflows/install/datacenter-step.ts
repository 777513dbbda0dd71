/** The blog's CassandraDatacenter and service account. A live datacenter keeps whatever no flag names. */
import { setTimeout as sleep } from 'node:timers/promises'
import { applyChanges } from '../../changes/apply.ts'
import type { ChangeSet, Desired } from '../../changes/changeset.ts'
import { ownedPart } from '../../changes/owned-part.ts'
import { isOurs, ownedLabels } from '../../changes/ownership.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER, SERVICE_ACCOUNT } from '../../cluster/resources.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { DEFAULTS, fixedDifference, newDatacenter, overlaid, serviceAccountName } from './datacenter-spec.ts'
import { readObjects } from './manifest-files.ts'
import type { Install, InstallStep, StepPlan } from './step.ts'
import { valueAt } from './field-values.ts'

const WEBHOOK_RETRY_MS = 1000
/** How long cass-operator's webhook may need to answer after its pod is ready. */
const WEBHOOK_PATIENCE_MS = 30_000

/** A Kubernetes name: RFC 1123 label, as metadata.name of a CassandraDatacenter becomes part of other names. */
function nameTrouble(text: string): string | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$/.test(text)
    ? undefined
    : 'Use lower-case letters, digits and hyphens, at most 42 of them, beginning and ending with a letter or digit.'
}

async function readFile(install: Install, source: string): Promise<void> {
  const objects = await readObjects(source, install.options.kubectl, install.context.signal)
  const datacenters = objects.filter((object) => object.kind === 'CassandraDatacenter')
  if (datacenters.length !== 1) {
    throw new CassSniError(
      'CSNI107',
      `${source} holds ${datacenters.length === 0 ? 'no' : datacenters.length} CassandraDatacenter${datacenters.length > 1 ? 's' : ''}; exactly one is needed`,
      {
        next: [hint('Give each datacenter a file and an install of its own.')],
      },
    )
  }
  const elsewhere = objects.find(
    (object) => object.metadata.namespace !== undefined && object.metadata.namespace !== install.namespace,
  )
  if (elsewhere !== undefined) {
    throw new CassSniError(
      'CSNI107',
      `${elsewhere.kind} ${elsewhere.metadata.name} in ${source} is for namespace ${elsewhere.metadata.namespace}, but the install is for ${install.namespace}`,
      {
        next: [command`kubectl cass-sni install -n ${elsewhere.metadata.namespace ?? ''} --datacenter-file ${source}`],
      },
    )
  }
  const name = datacenters[0]?.metadata.name
  if (install.options.datacenterName !== undefined && install.options.datacenterName !== name) {
    throw new CassSniError(
      'CSNI101',
      `--datacenter ${install.options.datacenterName} does not fit ${source}, which describes ${name}`,
      {
        next: [hint('Leave --datacenter out.')],
      },
    )
  }
  install.datacenterObjects = objects
  install.datacenterName = name as string
}

/** The one datacenter that the namespace has, if any; the operator's kind may not be served yet. */
async function liveDatacenters(install: Install): Promise<KubeObject[]> {
  return install.context.kube.list(CASSANDRA_DATACENTER, { namespace: install.namespace }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI205') return []
    throw error
  })
}

async function askForNew(install: Install): Promise<void> {
  const { options, context } = install
  const { ask } = context
  if (ask === undefined) {
    if (
      options.serverType !== undefined &&
      options.serverType !== DEFAULTS.serverType &&
      options.serverVersion === undefined
    ) {
      throw new CassSniError('CSNI102', `a version of ${options.serverType} is needed`, {
        next: [command`kubectl cass-sni install --server-type dse --server-version 6.9.7`],
      })
    }
    return
  }
  const text = async (
    name: string,
    flag: string,
    message: string,
    initial: string,
    validate?: (text: string) => string | undefined,
  ): Promise<string> =>
    (
      await ask({
        kind: 'text',
        name,
        flag,
        message,
        initial,
        ...(validate === undefined ? {} : { validate }),
      })
    ).trim()
  if (options.datacenterName === undefined)
    install.datacenterName = await text(
      'datacenter',
      '--datacenter',
      'Name of the datacenter',
      install.datacenterName,
      nameTrouble,
    )
  options.clusterName ??= await text('cluster-name', '--cluster-name', 'Name of the cluster', DEFAULTS.clusterName)
  options.size ??= Number(
    await text('size', '--size', 'Number of nodes', String(DEFAULTS.size), (answer) =>
      /^[1-9]\d*$/.test(answer.trim()) ? undefined : 'Give a number, 1 or more.',
    ),
  )
  options.serverType ??= await ask({
    kind: 'choose',
    name: 'server-type',
    flag: '--server-type',
    message: 'Server',
    initial: DEFAULTS.serverType,
    choices: [
      { value: 'cassandra', label: 'Apache Cassandra' },
      { value: 'dse', label: 'DataStax Enterprise' },
      { value: 'hcd', label: 'Hyper-Converged Database' },
    ],
  })
  options.serverVersion ??= await text(
    'server-version',
    '--server-version',
    'Version',
    options.serverType === DEFAULTS.serverType ? DEFAULTS.serverVersion : '',
    (answer) => (/^\d+\.\d+(\.\d+)?$/.test(answer.trim()) ? undefined : 'Give a version such as 5.0.6.'),
  )
  options.storageSize ??= await text(
    'storage-size',
    '--storage-size',
    'Volume size of each node',
    DEFAULTS.storageSize,
    quantityTrouble,
  )
  options.cpu ??= await text('cpu', '--cpu', 'CPU of each node', DEFAULTS.cpu, quantityTrouble)
  options.memory ??= await text('memory', '--memory', 'Memory of each node', DEFAULTS.memory, quantityTrouble)
}

/** kubernetes/apimachinery pkg/api/resource/quantity.go, the plain forms. */
export function quantityTrouble(text: string): string | undefined {
  return /^\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.test(text.trim())
    ? undefined
    : 'Give a quantity such as 500m, 2 or 4Gi.'
}

/** Everything that the step desires: the file's objects, or the datacenter and its service account. */
export function desiredObjects(install: Install): {
  object: KubeObject
  ownership: Desired['ownership']
  mustExist?: boolean
}[] {
  const { options, namespace, datacenterName: name, liveDatacenter: live } = install
  const labels = ownedLabels(name)
  if (install.datacenterObjects !== undefined) {
    const ours = live === undefined || isOurs(live)
    return install.datacenterObjects.map((object) => {
      const metadata = { ...object.metadata, namespace }
      if (object.kind !== 'CassandraDatacenter') return { object: { ...object, metadata }, ownership: 'share' }
      const labelled = ours ? { ...metadata, labels: { ...object.metadata.labels, ...labels } } : metadata
      return {
        object: overlaid({ ...object, metadata: labelled }, options),
        ownership: ours ? 'own' : 'share',
      }
    })
  }
  if (live !== undefined && !isOurs(live)) {
    // another's datacenter: only what a flag names is changed
    const bare: KubeObject = {
      apiVersion: live.apiVersion,
      kind: live.kind,
      metadata: { name, namespace },
    }
    const object = overlaid(bare, options)
    return 'spec' in object ? [{ object, ownership: 'share', mustExist: true }] : []
  }
  const object =
    live === undefined
      ? newDatacenter(name, namespace, install.storageClass ?? '', options)
      : overlaid(ownedPart(live), options)
  const account = valueAt(object, ['spec', 'serviceAccountName'])
  // an account that a flag names is the user's own and has to be there; the default one is made
  if (account !== serviceAccountName(name)) return [{ object, ownership: 'own' }]
  return [
    {
      object: {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: account, namespace, labels },
      },
      ownership: 'own',
    },
    { object, ownership: 'own' },
  ]
}

async function plan(install: Install): Promise<ChangeSet> {
  const { kube } = install.context
  const desired: Desired[] = []
  for (const item of desiredObjects(install)) {
    const type =
      item.object.kind === 'CassandraDatacenter'
        ? CASSANDRA_DATACENTER
        : item.object.kind === 'ServiceAccount'
          ? SERVICE_ACCOUNT
          : await kube.resourceType(item.object.apiVersion, item.object.kind, install.operatorObjects)
    const { namespace: _namespace, ...clusterWide } = item.object.metadata
    desired.push({
      ...item,
      type,
      object: type.namespaced ? item.object : { ...item.object, metadata: clusterWide },
    })
  }
  return planChanges(kube, desired)
}

function describe(install: Install): string {
  const datacenter =
    desiredObjects(install).find((item) => item.object.kind === 'CassandraDatacenter')?.object ?? install.liveDatacenter
  const at = (key: string): string =>
    String(valueAt(datacenter, ['spec', key]) ?? valueAt(install.liveDatacenter, ['spec', key]) ?? '?')
  return `${install.datacenterName}: ${at('serverType')} ${at('serverVersion')}, cluster ${at('clusterName')}, ${at('size')} nodes`
}

async function refresh(install: Install): Promise<void> {
  const live = (await liveDatacenters(install)).find((object) => object.metadata.name === install.datacenterName)
  if (live === undefined) delete install.liveDatacenter
  else install.liveDatacenter = live
}

/** What a flag or the file changes although the operator refuses it, told before anything is written. */
function refuseFixed(install: Install): void {
  const { liveDatacenter: live } = install
  if (live === undefined) return
  const desired = desiredObjects(install).find((item) => item.object.kind === 'CassandraDatacenter')
  const difference = desired === undefined ? undefined : fixedDifference(desired.object, live)
  if (difference === undefined) return
  throw new CassSniError(
    'CSNI307',
    `${difference.flag} of datacenter ${install.datacenterName} is ${difference.from} and cannot be changed to ${difference.to} in place`,
    {
      object: `cassandradatacenter.cassandra.datastax.com/${install.datacenterName}`,
      next: [
        hint(`Leave ${difference.flag} out to keep it as it is.`),
        command`kubectl get cassdc ${install.datacenterName} -n ${install.namespace} -o yaml`,
      ],
    },
  )
}

export const datacenterStep: InstallStep = {
  id: 'datacenter',
  title: 'CassandraDatacenter with TLS and login',

  async prepare(install): Promise<void> {
    const { options } = install
    if (options.datacenterFile !== undefined) await readFile(install, options.datacenterFile)
    if (options.datacenterName !== undefined && nameTrouble(options.datacenterName) !== undefined) {
      throw new CassSniError(
        'CSNI101',
        `--datacenter ${options.datacenterName} is not a name that Kubernetes takes. ${nameTrouble(options.datacenterName)}`,
        {
          next: [command`kubectl cass-sni install --help`],
        },
      )
    }
    const live = await liveDatacenters(install)
    if (options.datacenterName === undefined && options.datacenterFile === undefined && live.length > 0) {
      if (live.length > 1) {
        const names = live.map((object) => object.metadata.name).join(', ')
        throw new CassSniError('CSNI105', `namespace ${install.namespace} has several datacenters: ${names}`, {
          next: [command`kubectl cass-sni install --datacenter ${live[0]?.metadata.name ?? ''}`],
        })
      }
      install.datacenterName = live[0]?.metadata.name ?? install.datacenterName
    }
    await refresh(install)
    refuseFixed(install)
    if (install.liveDatacenter === undefined && install.datacenterObjects === undefined) await askForNew(install)
  },

  async look(install): Promise<StepPlan> {
    await refresh(install)
    const changes = await plan(install).catch((error: unknown) => {
      if (error instanceof CassSniError && error.code === 'CSNI205') return undefined
      throw error
    })
    // the operator that brings the kind is installed by an earlier step
    if (changes === undefined) return { state: 'change', note: describe(install) }
    const settled = changes.changes.every((change) => change.action === 'unchanged')
    const kept = install.liveDatacenter !== undefined && changes.changes.length === 0 ? 'kept: ' : ''
    return {
      state: settled ? 'present' : 'change',
      note: `${kept}${describe(install)}`,
      changes,
    }
  },

  async change(install, step): Promise<string> {
    const deadline = install.context.now() + WEBHOOK_PATIENCE_MS
    for (let changes = step.changes ?? (await plan(install)); ; changes = await plan(install)) {
      try {
        await applyChanges(install.context, changes)
        return step.note
      } catch (error) {
        // a webhook that was registered a moment ago answers only when its pod's endpoint is known everywhere
        const unanswered =
          error instanceof CassSniError &&
          /failed calling webhook/.test(error.message) &&
          /(connection refused|no endpoints|timeout|deadline|no route)/i.test(error.message)
        if (!unanswered || install.context.now() > deadline) throw error
        install.context.emit({
          type: 'waiting',
          id: 'datacenter',
          lines: ["the operator's webhook does not answer yet"],
        })
        await sleep(WEBHOOK_RETRY_MS, undefined, {
          signal: install.context.signal,
        }).catch(() => {
          throw install.context.signal.reason
        })
      }
    }
  },
}

/** Warns of what a file says and the flags would not: plaintext, or no TLS to clients at all. */
export function fileWarnings(install: Install): string[] {
  const datacenter = install.datacenterObjects?.find((object) => object.kind === 'CassandraDatacenter')
  if (datacenter === undefined) return []
  const options = valueAt(datacenter, ['spec', 'config', 'cassandra-yaml', 'client_encryption_options'])
  if (valueAt(options, ['enabled']) !== true)
    return [
      `${install.options.datacenterFile} does not switch on TLS to clients (client_encryption_options.enabled): routes by SNI need it`,
    ]
  if (valueAt(options, ['optional']) === true && !install.options.allowPlaintext) {
    return [
      `${install.options.datacenterFile} lets clients connect without TLS too (client_encryption_options.optional); say --allow-plaintext if that is meant`,
    ]
  }
  return []
}
