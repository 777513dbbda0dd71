/**
 * A cluster in memory for what is measured or tested without a server: lists with selectors, and server-side apply with
 * the fields that it leaves in managedFields. It checks no schema and no permission.
 */
import { FIELD_MANAGER } from '../../src/lib/changes/ownership.ts'
import type { Kube, KubeObject, ListOptions, ResourceType } from '../../src/lib/cluster/kube.ts'
import { CassSniError } from '../../src/lib/errors.ts'

/** How many requests of each verb were made. */
export type Requests = Record<'get' | 'list' | 'apply' | 'delete', number>

/** A client in a namespace of a cluster that holds these objects, and serves these versions of API groups. */
export function kubeInMemory(
  namespace: string,
  objects: readonly KubeObject[],
  served: Record<string, string[]> = {},
): { kube: Kube; requests: Requests } {
  const kinds = new Map<string, Map<string, KubeObject>>()
  const groupKind = (group: string, kind: string) => `${group}/${kind}`
  const of = ({ group, kind }: ResourceType) => {
    const key = groupKind(group, kind)
    const found = kinds.get(key) ?? new Map<string, KubeObject>()
    kinds.set(key, found)
    return found
  }
  const nameOf = (name: string, inside: string | undefined) => `${inside ?? ''}/${name}`
  for (const object of objects) {
    const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''
    const stored = of({ group, kind: object.kind } as ResourceType)
    stored.set(nameOf(object.metadata.name, object.metadata.namespace), object)
  }
  const requests: Requests = { get: 0, list: 0, apply: 0, delete: 0 }
  const unasked = (what: string) => async (): Promise<never> => {
    throw new CassSniError('CSNI203', `a cluster in memory allows no ${what}`)
  }
  const kube: Kube = {
    target: { context: 'c', cluster: 'c', server: 'https://in-memory', user: 'u', namespace, namespaceGiven: true },
    clockSkewMs: () => undefined,
    serverVersion: async () => ({ major: 1, minor: 35 }),
    async get<T extends KubeObject>(type: ResourceType, name: string, inside?: string) {
      requests.get++
      return of(type).get(nameOf(name, inside)) as T | undefined
    },
    async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}) {
      requests.list++
      const selects = selector(options.labelSelector)
      return [...of(type).values()].filter(
        ({ metadata }) =>
          (options.namespace === undefined || options.namespace === metadata.namespace) &&
          selects(metadata.labels ?? {}),
      ) as T[]
    },
    servedVersions: async (group) => served[group] ?? [],
    async resourceType(apiVersion, kind) {
      const [group = '', version = ''] = apiVersion.split('/')
      if (served[group]?.includes(version) !== true)
        throw new CassSniError('CSNI205', `a cluster in memory does not serve ${kind} (${apiVersion})`)
      return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced: kind !== 'GatewayClass' }
    },
    async apply(type, object, options) {
      requests.apply++
      const key = nameOf(object.metadata.name, object.metadata.namespace)
      const stored = applied(object, of(type).get(key), options?.manager ?? FIELD_MANAGER)
      if (options?.dryRun !== true) of(type).set(key, stored)
      return stored
    },
    mergePatch: unasked('patch'),
    async delete(type, name, inside) {
      requests.delete++
      return of(type).delete(nameOf(name, inside))
    },
    can: async () => true,
    exec: unasked('exec'),
    podLog: unasked('log'),
    connect: unasked('port-forward'),
  }
  return { kube, requests }
}

/** `a=b`, `a`, `!a` and `a!=b`, separated by commas. */
function selector(text: string | undefined): (labels: Record<string, string>) => boolean {
  const terms = (text ?? '').split(',').filter((term) => term !== '')
  return (labels) =>
    terms.every((term) => {
      const [, not, name = '', operator, value] = /^(!?)([^!=]+)(!=|==?)?(.*)$/.exec(term) ?? []
      if (not === '!') return !(name in labels)
      if (operator === undefined) return name in labels
      return operator === '!=' ? labels[name] !== value : labels[name] === value
    })
}

function applied(object: KubeObject, before: KubeObject | undefined, manager: string): KubeObject {
  const others = (before?.metadata.managedFields ?? []).filter((entry) => entry.manager !== manager)
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...content } = object
  const { name, namespace, uid, resourceVersion, ...owned } = metadata
  const ours = { manager, operation: 'Apply', fieldsV1: fields({ metadata: owned, ...content }) }
  const merged = (before === undefined ? structuredClone(object) : merge(before, object)) as KubeObject
  return { ...merged, metadata: { ...merged.metadata, managedFields: [...others, ours] } }
}

/** Lists that server-side apply takes apart, by the keys of their items. */
const KEYED: Record<string, string[]> = { ports: ['port', 'protocol'], ownerReferences: ['uid'] }

function fields(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const keys = KEYED[name]
      if (keys === undefined || !Array.isArray(inner)) return [`f:${name}`, fields(inner)]
      const items = inner.map((item) => [
        `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key]])))}`,
        { '.': {}, ...fields(item) },
      ])
      return [`f:${name}`, Object.fromEntries(items)]
    }),
  )
}

/** What is there with what is applied in it: maps by their keys, keyed lists by their items' keys, the rest as a whole. */
function merge(before: unknown, applied: unknown, name = ''): unknown {
  const keys = KEYED[name]
  if (Array.isArray(before) && Array.isArray(applied) && keys !== undefined) {
    const same = (one: Record<string, unknown>, other: Record<string, unknown>) =>
      keys.every((key) => one[key] === other[key])
    return [...before.filter((item) => !applied.some((other) => same(item, other))), ...applied]
  }
  if (!isMap(before) || !isMap(applied)) return structuredClone(applied)
  const changed = Object.entries(applied).map(([key, value]) => [key, merge(before[key], value, key)])
  return { ...before, ...Object.fromEntries(changed) }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
