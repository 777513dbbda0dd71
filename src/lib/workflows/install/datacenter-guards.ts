/** Guards against changes of a live CassandraDatacenter that cass-operator refuses or that are destructive. Pure. */
import type { Change, FieldChange } from '../../changes/changeset.ts'
import { quantity } from '../../changes/schema.ts'
import { again, CassSniError, command, hint, type NextStep } from '../../errors.ts'
import { STORAGE_CHANGES_ANNOTATION } from './datacenter-spec.ts'
import { valueAt } from './field-values.ts'

/** Destructive changes that the user has accepted, one flag each. */
export interface AllowedChanges {
  scaleDown: boolean
  downgrade: boolean
  serverType: boolean
  storage: boolean
}

interface Guard {
  /** Path of the field; also matches everything below it. */
  path: string
  reason: (field: FieldChange, change: Change) => string | undefined
}

/** Immutable by cass-operator's webhook (ValidateDatacenterFieldChanges, cassandradatacenter_webhook.go). */
const IMMUTABLE: Guard[] = [
  ...['clusterName', 'datacenterName', 'allowMultipleNodesPerWorker', 'superuserSecretName', 'serviceAccount'].map(
    (field): Guard => ({
      path: `spec.${field}`,
      // an absent field equals an empty one
      reason: ({ before, after }) =>
        (before ?? '') === (after ?? '') || (!before && !after) ? undefined : 'immutable',
    }),
  ),
  { path: 'spec.storageConfig.cassandraDataVolumeClaimSpec', reason: claimReason },
  { path: 'spec.racks', reason: (_field, change) => racksReason(change) },
]

function claimReason({ path, before, after }: FieldChange): string | undefined {
  if (!path.endsWith('.resources.requests.storage')) return 'immutable'
  // pkg/reconciliation/reconcile_racks.go, CheckVolumeClaimSizes
  return smaller(after, before) ? 'volumes cannot shrink' : undefined
}

function smaller(one: unknown, other: unknown): boolean {
  const [a, b] = [quantity(String(one)), quantity(String(other))]
  return a !== undefined && b !== undefined && a < b
}

/** Racks may be appended; the webhook decides whether the size grows enough. */
function racksReason({ live, desired }: Change): string | undefined {
  const names = (object: unknown): string[] => {
    const racks = valueAt(object, ['spec', 'racks'])
    return Array.isArray(racks) ? racks.map((rack) => String(valueAt(rack, ['name']))) : []
  }
  const before = names(live)
  const after = names(desired?.object)
  return before.every((name, index) => after[index] === name)
    ? undefined
    : 'racks cannot be removed, renamed or reordered'
}

/** Destructive changes, each with the flag that accepts it. */
const DESTRUCTIVE: (Guard & { flag: string; allowed: keyof AllowedChanges })[] = [
  {
    path: 'spec.size',
    flag: '--allow-scale-down',
    allowed: 'scaleDown',
    reason: ({ before, after }) => (Number(after) < Number(before) ? 'nodes are decommissioned' : undefined),
  },
  {
    path: 'spec.stopped',
    flag: '--allow-scale-down',
    allowed: 'scaleDown',
    reason: ({ after }) => (after === true ? 'all nodes are stopped' : undefined),
  },
  {
    path: 'spec.serverVersion',
    flag: '--allow-downgrade',
    allowed: 'downgrade',
    reason: ({ before, after }) =>
      older(String(after), String(before)) ? 'Cassandra cannot read files of a newer version' : undefined,
  },
  {
    path: 'spec.serverImage',
    flag: '--allow-downgrade',
    allowed: 'downgrade',
    reason: (field, { live, desired }) => {
      const [before, after] = [versionOf(field.before, live), versionOf(field.after, desired?.object)]
      if (before === undefined || after === undefined || !older(after, before)) return undefined
      return `version ${before} → ${after}; Cassandra cannot read files of a newer version`
    },
  },
  {
    path: 'spec.serverType',
    flag: '--allow-server-type-change',
    allowed: 'serverType',
    reason: ({ before }) => (before === undefined ? undefined : 'another server type may be unable to read the data'),
  },
  {
    path: 'spec.storageConfig.cassandraDataVolumeClaimSpec.resources.requests.storage',
    flag: '--allow-storage-change',
    allowed: 'storage',
    reason: ({ before, after }) =>
      before === undefined || String(before) === String(after) ? undefined : 'volumes cannot shrink again',
  },
]

/**
 * Returns the server version of an image, the beginning of its tag: 4.1.9 for `4.1.9-ubi`. Without an image it is
 * spec.serverVersion. Undefined for tags that carry something else: `latest`, or the version of the management API
 * (`cassandra-mgmtapi-3_11_7:v0.1.13`).
 */
function versionOf(image: unknown, datacenter: unknown): string | undefined {
  if (image !== undefined && image !== '') {
    const [tagged] = String(image).split('@')
    return /:(\d+\.\d+(\.\d+)?)(-[^:/]*)?$/.exec(tagged ?? '')?.[1]
  }
  const version = valueAt(datacenter, ['spec', 'serverVersion'])
  return version === undefined ? undefined : String(version)
}

/** Returns a warning when the server versions of two images cannot be compared, so a downgrade would go undetected. */
export function imageWarnings({ live, desired, fields, name }: Change): string[] {
  const field = fields.find(({ path }) => path === 'spec.serverImage')
  if (field === undefined || live === undefined) return []
  if ([versionOf(field.before, live), versionOf(field.after, desired?.object)].every(Boolean)) return []
  return [
    `cassandradatacenter/${name}: cannot compare the server versions of images ${valueText(field.before)} and ` +
      `${valueText(field.after)}; a downgrade would go undetected`,
  ]
}

/** Compares versions number by number: 4.1.10 is not older than 4.1.9. */
function older(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => (version.match(/\d+/g) ?? []).slice(0, 3).map(Number)) as [
    number[],
    number[],
  ]
  for (const [index, part] of a.entries()) if (part !== (b[index] ?? 0)) return part < (b[index] ?? 0)
  return false
}

const isAt = (path: string, field: string): boolean =>
  field === path || (/^[.[]/.test(field.slice(path.length)) && field.startsWith(path))

function reasons<G extends Guard>(guards: readonly G[], change: Change): { guard: G; text: string }[] {
  const seen = new Set<G>()
  return guards.flatMap((guard) =>
    change.fields.flatMap((field) => {
      const reason = isAt(guard.path, field.path) && !seen.has(guard) ? guard.reason(field, change) : undefined
      if (reason === undefined) return []
      seen.add(guard)
      return [{ guard, text: `${field.path} ${valueText(field.before)} → ${valueText(field.after)} (${reason})` }]
    }),
  )
}

function valueText(value: unknown): string {
  return value === undefined ? 'unset' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/**
 * Throws CSNI307 for a change that cass-operator refuses, CSNI308 for a destructive one whose flag is missing, CSNI207
 * for a destructive one that conflicts with another field manager. The message lists every such field.
 */
export function guardChange(change: Change, allowed: AllowedChanges): void {
  if (change.live === undefined) return
  const named = `cassandradatacenter/${change.name} in namespace ${change.namespace ?? ''}`
  const details = (next: NextStep[]) => ({
    object: `cassandradatacenter.cassandra.datastax.com/${change.name}`,
    next: [...next, command`kubectl get cassdc ${change.name} -n ${change.namespace ?? ''} -o yaml`],
  })
  const immutable = reasons(IMMUTABLE, change)
  if (immutable.length > 0) {
    throw new CassSniError(
      'CSNI307',
      `${named}: cannot be changed in place: ${immutable.map(({ text }) => text).join('; ')}`,
      details([hint('omit the flag, or the field in the file, to keep the live value')]),
    )
  }
  const destructive = reasons(DESTRUCTIVE, change).filter(({ guard }) => !allowed[guard.allowed])
  if (destructive.length === 0) return
  if (change.action === 'conflict') {
    // a flag would not help: another field manager owns the field
    throw new CassSniError(
      'CSNI207',
      `${named}: ${change.reason}; the change is also destructive: ${destructive.map(({ text }) => text).join('; ')}`,
      {
        object: named,
        next: [
          hint('make the change where the datacenter is managed'),
          command`kubectl get cassdc ${change.name} -n ${change.namespace ?? ''} -o yaml --show-managed-fields`,
        ],
      },
    )
  }
  const flags = [...new Set(destructive.map(({ guard }) => guard.flag))]
  throw new CassSniError(
    'CSNI308',
    `${named}: ${flags.join(', ')} required: ${destructive.map(({ text }) => text).join('; ')}`,
    details([again`${flags}`]),
  )
}

/**
 * Throws CSNI101 when a request exceeds its limit: Kubernetes refuses such pods, and cass-operator would wait forever.
 */
export function checkResources(datacenter: unknown): void {
  for (const resource of ['cpu', 'memory']) {
    const [request, limit] = ['requests', 'limits'].map((part) =>
      valueAt(datacenter, ['spec', 'resources', part, resource]),
    )
    if (request === undefined || limit === undefined || !smaller(limit, request)) continue
    throw new CassSniError('CSNI101', `${resource} request ${request} exceeds the limit ${limit}`, {
      next: [again`--${resource}-limit ${String(request)}`],
    })
  }
}

/** Returns the annotation that makes cass-operator accept larger volumes. */
export function storageConsent(allowed: AllowedChanges): Record<string, string> | undefined {
  return allowed.storage ? { [STORAGE_CHANGES_ANNOTATION]: 'true' } : undefined
}
