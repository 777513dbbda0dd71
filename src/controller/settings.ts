/** The settings of the controller: environment variables that its Deployment sets. */
import { CassSniError } from '../lib/errors.ts'
import type { Scope } from '../lib/reconcile/follow-datacenters.ts'

export interface Settings {
  /** What this replica keeps in order. */
  task: 'routes' | 'certificates'

  scope: Scope
  /** The controller's own namespace, which has the Lease. */
  namespace: string
  /** Name of the pod, part of the identity of this replica. */
  pod: string
  /** Port for probes and metrics. */
  port: number
}

/** Port for probes and metrics. */
const PORT = 8080

/** Reads the settings. Throws CSNI102 for one that is missing, CSNI101 for an invalid one. */
export function settingsFrom(env: Readonly<Record<string, string | undefined>>): Settings {
  const required = (name: string) => {
    const value = env[name]
    if (value === undefined || value === '')
      throw new CassSniError('CSNI102', `environment variable ${name} is not set`)
    return value
  }
  const namespaces = (env.CASS_SNI_NAMESPACES ?? '').split(',').filter((name) => name !== '')
  const text = env.CASS_SNI_PORT || String(PORT)
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new CassSniError('CSNI101', `invalid port "${text}" in environment variable CASS_SNI_PORT`)
  const task = env.CASS_SNI_TASK || 'routes'
  if (task !== 'routes' && task !== 'certificates')
    throw new CassSniError('CSNI101', `invalid task "${task}" in environment variable CASS_SNI_TASK`)
  return {
    task,
    scope: {
      namespaces: namespaces.length === 0 ? undefined : namespaces,
      datacenter: env.CASS_SNI_DATACENTER || undefined,
    },
    namespace: required('POD_NAMESPACE'),
    pod: required('POD_NAME'),
    port,
  }
}
