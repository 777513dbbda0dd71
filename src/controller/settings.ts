/** The settings of the controller: environment variables that its Deployment sets. */
import { CassSniError } from '../lib/errors.ts'
import type { Scope } from '../lib/reconcile/follow-datacenters.ts'
import type { DatacenterKey } from '../lib/reconcile/followed.ts'

export interface Settings {
  /** What this replica does: keep routes or certificates in order, or serve the metadata document. */
  task: (typeof TASKS)[number]
  scope: Scope
  /** For task `metadata`. */
  metadata?: MetadataSettings | undefined
  /** The controller's own namespace, which has the Lease. */
  namespace: string
  /** Name of the pod, part of the identity of this replica. */
  pod: string
  /** Port for probes and metrics. */
  port: number
}

export interface MetadataSettings {
  /** Which datacenter. */
  datacenter: DatacenterKey
  /** The name under which clients connect. */
  name: string
  port: number
  /** Directory of tls.crt and tls.key. */
  certificate: string
}

const TASKS = ['routes', 'certificates', 'metadata'] as const

/** Port for probes and metrics. */
const PORT = 8080
/** Port of the metadata service. */
const METADATA_PORT = 8443

/** Reads the settings. Throws CSNI102 for one that is missing, CSNI101 for an invalid one. */
export function settingsFrom(env: Readonly<Record<string, string | undefined>>): Settings {
  const required = (name: string) => {
    const value = env[name]
    if (value === undefined || value === '')
      throw new CassSniError('CSNI102', `environment variable ${name} is not set`)
    return value
  }
  const portIn = (name: string, otherwise: number) => {
    const text = env[name] || String(otherwise)
    const port = Number(text)
    if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
    throw new CassSniError('CSNI101', `invalid port "${text}" in environment variable ${name}`)
  }
  const namespaces = (env.CASS_SNI_NAMESPACES ?? '').split(',').filter((name) => name !== '')
  const port = portIn('CASS_SNI_PORT', PORT)
  const text = env.CASS_SNI_TASK || 'routes'
  const task = TASKS.find((each) => each === text)
  if (task === undefined)
    throw new CassSniError('CSNI101', `invalid task "${text}" in environment variable CASS_SNI_TASK`)
  const metadata = (): MetadataSettings => ({
    datacenter: { namespace: required('POD_NAMESPACE'), name: required('CASS_SNI_DATACENTER') },
    name: required('CASS_SNI_METADATA_NAME'),
    port: portIn('CASS_SNI_METADATA_PORT', METADATA_PORT),
    certificate: required('CASS_SNI_METADATA_CERTIFICATE'),
  })
  return {
    task,
    scope: {
      namespaces: namespaces.length === 0 ? undefined : namespaces,
      datacenter: env.CASS_SNI_DATACENTER || undefined,
    },
    namespace: required('POD_NAMESPACE'),
    pod: required('POD_NAME'),
    port,
    metadata: task === 'metadata' ? metadata() : undefined,
  }
}
