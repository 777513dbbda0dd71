/** Which datacenter to install, and with which settings: from flags, the file, the cluster, and answers. */
import type { KubeObject } from '../../cluster/kube.ts'
import { CASSANDRA_DATACENTER } from '../../cluster/resources.ts'
import { again, CassSniError, hint } from '../../errors.ts'
import type { Ask } from '../../events.ts'
import { configOf, refuseConfigFlags } from './datacenter-config.ts'
import { type DatacenterFile, readDatacenterFile } from './datacenter-file.ts'
import { type DatacenterOptions, DEFAULTS } from './datacenter-spec.ts'
import {
  clusterNameSyntax,
  datacenterNameSyntax,
  quantitySyntax,
  type Syntax,
  sizeSyntax,
  versionSyntax,
} from './field-syntax.ts'
import type { Missing, Setup } from './step.ts'

export interface DatacenterRequest {
  /** metadata.name of the CassandraDatacenter. */
  name: string
  file?: DatacenterFile | undefined
  /** Flags and answers. Undefined keeps the live value, or uses the default. */
  options: Readonly<DatacenterOptions>
  /** True when the datacenter does not exist yet. */
  isNew: boolean
  missing?: Missing | undefined
}

/**
 * Reads the file and the cluster, and prompts for what a new datacenter needs.
 * Errors: CSNI105 (several datacenters and no --datacenter), those of the file, CSNI101 (flags without effect).
 */
export async function requestDatacenter(setup: Setup): Promise<DatacenterRequest> {
  const { options, context, namespace } = setup
  const file =
    options.datacenterFile === undefined ? undefined : await readDatacenterFile(setup, options.datacenterFile)
  const live = await liveDatacenters(setup)
  const named = options.datacenterName ?? file?.datacenter.metadata.name
  if (named === undefined && live.length > 1) {
    const names = live.map((object) => object.metadata.name)
    throw new CassSniError('CSNI105', `namespace ${namespace} has ${names.length} datacenters: ${names.join(', ')}`, {
      next: names.map((each) => again`--datacenter ${each}`),
    })
  }
  const name = named ?? live[0]?.metadata.name
  const existing = live.find((object) => object.metadata.name === name)
  refuseConfigFlags(options, await configOf(context.kube, file?.datacenter ?? existing, file?.objects ?? [], namespace))
  if (existing !== undefined || file !== undefined)
    return { name: name ?? DEFAULTS.datacenterName, file, options, isNew: existing === undefined }
  if (context.ask !== undefined) return { ...(await askForNew(context.ask, setup.options)), isNew: true }
  return { name: name ?? DEFAULTS.datacenterName, options, isNew: true, missing: missingVersion(options) }
}

function missingVersion({ serverType, serverVersion }: DatacenterOptions): Missing | undefined {
  if (serverType === undefined || serverType === DEFAULTS.serverType || serverVersion !== undefined) return undefined
  const example = serverType === 'hcd' ? '1.2.3' : '6.9.7'
  return {
    reason: `--server-type ${serverType} requires --server-version`,
    next: [hint(`specify the version, for example --server-version ${example}`)],
  }
}

/** Returns all datacenters of the namespace; none when the kind is not served yet. */
export async function liveDatacenters({ context, namespace }: Setup): Promise<KubeObject[]> {
  return context.kube.list(CASSANDRA_DATACENTER, { namespace }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI205') return []
    throw error
  })
}

async function askForNew(
  ask: Ask,
  flags: Setup['options'],
): Promise<{ name: string; options: Readonly<DatacenterOptions> }> {
  const text = async (flag: string, message: string, initial: string, validate: Syntax): Promise<string> =>
    (await ask({ kind: 'text', name: flag.slice(2), flag, message, initial, validate })).trim()
  const name =
    flags.datacenterName ??
    (await text('--datacenter', 'Datacenter name', DEFAULTS.datacenterName, datacenterNameSyntax))
  const clusterName =
    flags.clusterName ?? (await text('--cluster-name', 'Cluster name', DEFAULTS.clusterName, clusterNameSyntax))
  const size = flags.size ?? Number(await text('--size', 'Number of nodes', String(DEFAULTS.size), sizeSyntax))
  const serverType =
    flags.serverType ??
    (await ask({
      kind: 'choose',
      name: 'server-type',
      flag: '--server-type',
      message: 'Server type',
      initial: DEFAULTS.serverType,
      choices: [
        { value: 'cassandra', label: 'Apache Cassandra' },
        { value: 'dse', label: 'DataStax Enterprise' },
        { value: 'hcd', label: 'Hyper-Converged Database' },
      ],
    }))
  const version = serverType === DEFAULTS.serverType ? DEFAULTS.serverVersion : ''
  const serverVersion =
    flags.serverVersion ?? (await text('--server-version', 'Server version', version, versionSyntax))
  const storageSize =
    flags.storageSize ?? (await text('--storage-size', 'Volume size per node', DEFAULTS.storageSize, quantitySyntax))
  const cpu = flags.cpu ?? (await text('--cpu', 'CPU per node', DEFAULTS.cpu, quantitySyntax))
  const memory = flags.memory ?? (await text('--memory', 'Memory per node', DEFAULTS.memory, quantitySyntax))
  return { name, options: { ...flags, clusterName, size, serverType, serverVersion, storageSize, cpu, memory } }
}
