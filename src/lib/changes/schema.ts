/** What is known of object schemas without reading them: keyed lists, atomic maps, quantities, defaults. */
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { fieldSets, itemKeys, type Step, setAt, setValue } from './field-sets.ts'

/** How list items are merged: by keys, as a set of values, or only as a whole. */
export type ListShape = { kind: 'keyed'; keys: string[] } | { kind: 'set' } | { kind: 'atomic' }

/**
 * `x-kubernetes-list-map-keys` of built-in kinds, by the list's field name (kubernetes
 * api/openapi-spec/swagger.json).
 */
const KEYED: Record<string, string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  secrets: ['name'],
  webhooks: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  hostAliases: ['ip'],
  conditions: ['type'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
}

/**
 * Values that the API server adds to items of atomic lists of built-in kinds (kubernetes
 * pkg/apis/<group>/<version>/defaults.go).
 */
const DEFAULTS: [string, unknown][] = [
  ['protocol', 'TCP'],
  ['apiGroup', 'rbac.authorization.k8s.io'],
  ['apiGroup', ''],
  ['apiVersion', 'v1'],
  ['defaultMode', 420],
  // rules of webhooks
  ['scope', '*'],
]

/** Maps of built-in kinds that are replaced as a whole (`x-kubernetes-map-type: atomic`): additional entries matter. */
const ATOMIC_MAPS = new Set([
  'selector',
  'nodeSelector',
  'labelSelector',
  'podSelector',
  'namespaceSelector',
  'objectSelector',
])

const QUANTITIES = new Set([
  'requests',
  'limits',
  'capacity',
  'allocatable',
  'overhead',
  'default',
  'defaultRequest',
  'max',
  'min',
  'hard',
])

/** Returns whether kube-apiserver defines the kind: groups of custom resources have a dot and do not end in .k8s.io. */
export function isBuiltIn(type: ResourceType): boolean {
  if (type.group === 'gateway.networking.k8s.io') return false
  return !type.group.includes('.') || (type.group.endsWith('.k8s.io') && !type.group.includes('.x-k8s.io'))
}

/**
 * Returns how to compare the list at `steps`. managedFields take precedence: the API server derives them from schemas.
 */
export function listShape(type: ResourceType, live: KubeObject | undefined, steps: Step[]): ListShape {
  for (const { fieldsV1 } of fieldSets(live)) {
    for (const entry of Object.keys(setAt(fieldsV1, steps) ?? {})) {
      const keys = itemKeys(entry)
      if (keys !== undefined) return { kind: 'keyed', keys: Object.keys(keys) }
      if (setValue(entry) !== undefined) return { kind: 'set' }
    }
  }
  const last = steps.at(-1)
  if (typeof last !== 'string') return { kind: 'atomic' }
  if (steps[0] === 'metadata')
    return last === 'ownerReferences'
      ? { kind: 'keyed', keys: ['uid'] }
      : last === 'finalizers'
        ? { kind: 'set' }
        : { kind: 'atomic' }
  if (!isBuiltIn(type)) return { kind: 'atomic' }
  if (last === 'ports') {
    if (type.kind === 'Service' && steps.length === 2) return { kind: 'keyed', keys: ['port', 'protocol'] }
    return steps.at(-3) === 'containers' || steps.at(-3) === 'initContainers'
      ? { kind: 'keyed', keys: ['containerPort', 'protocol'] }
      : { kind: 'atomic' }
  }
  const keys = KEYED[last]
  return keys === undefined ? { kind: 'atomic' } : { kind: 'keyed', keys }
}

/** Returns the key values of a list item; the protocol of a port defaults to TCP. */
export function keysOf(item: unknown, keys: string[]): Record<string, unknown> {
  const fields = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>
  return Object.fromEntries(
    keys
      .map((key) => [key, fields[key] ?? (key === 'protocol' ? 'TCP' : undefined)])
      .filter(([, value]) => value !== undefined),
  )
}

export function isAtomicMap(type: ResourceType, steps: Step[]): boolean {
  const last = steps.at(-1)
  return isBuiltIn(type) && typeof last === 'string' && ATOMIC_MAPS.has(last)
}

/** Returns whether the API server may have added this field as a default. */
export function isDefault(type: ResourceType, field: string, value: unknown): boolean {
  return isBuiltIn(type) && DEFAULTS.some(([name, usual]) => name === field && usual === value)
}

/** Compares two scalars at `steps`: quantities by value, ports and percentages as int-or-string. */
export function sameScalar(steps: Step[], want: unknown, have: unknown): boolean {
  if (want === have) return true
  const last = steps.at(-1)
  const isQuantity =
    steps.slice(-2).some((step) => typeof step === 'string' && QUANTITIES.has(step)) ||
    last === 'sizeLimit' ||
    last === 'storage'
  if (isQuantity && isText(want) && isText(have)) {
    const [one, other] = [quantity(String(want)), quantity(String(have))]
    return one !== undefined && other !== undefined && one === other
  }
  if (last === 'caBundle') return base64InOneLine(want) === have
  const isIntOrString = last === 'targetPort' || last === 'port' || last === 'maxUnavailable' || last === 'maxSurge'
  return isIntOrString && isText(want) && isText(have) && String(want) === String(have)
}

/**
 * Returns base64 as the API server stores it: kustomize wraps its lines (kubernetes-sigs/kustomize
 * api/internal/generators).
 */
export function base64InOneLine<T>(text: T): T | string {
  return typeof text === 'string' ? text.replaceAll(/\s/g, '') : text
}

const isText = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'

const BINARY: Record<string, bigint> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
}
/** Powers of ten relative to nano, so that all are integers. */
const DECIMAL: Record<string, number> = { n: 0, u: 3, m: 6, '': 9, k: 12, M: 15, G: 18, T: 21, P: 24, E: 27 }

/**
 * Parses a Kubernetes quantity, in units of 1e-9 (k8s.io/apimachinery/pkg/api/resource/quantity.go); undefined if
 * invalid.
 */
export function quantity(text: string): bigint | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', fraction = '', binary, decimal, exponent] = match
  if (whole === '' && fraction === '') return undefined
  const power = (exponent === undefined ? (DECIMAL[decimal ?? ''] ?? 9) : 9 + Number(exponent)) - fraction.length
  const digits = BigInt(whole + fraction) * (binary === undefined ? 1n : (BINARY[binary] ?? 1n))
  // below a nano, the API server rounds up
  const value =
    power >= 0 ? digits * 10n ** BigInt(power) : (digits + 10n ** BigInt(-power) - 1n) / 10n ** BigInt(-power)
  return sign === '-' ? -value : value
}
