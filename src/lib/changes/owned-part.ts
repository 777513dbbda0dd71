/** Reconstructs what this program last applied to an object, from its managedFields. */
import type { KubeObject } from '../cluster/kube.ts'
import { FIELD_MANAGER } from './ownership.ts'

/**
 * Returns the fields of a live object that the manager owns by server-side apply, with their live values, as an object
 * that can be applied again without releasing any. Lists are included as a whole: in custom resources they are atomic.
 * The format of fieldsV1 is defined in kubernetes-sigs/structured-merge-diff fieldpath/serialize.go.
 */
export function ownedPart(live: KubeObject, manager: string = FIELD_MANAGER): KubeObject {
  const { apiVersion, kind } = live
  const { name, namespace } = live.metadata
  const identity = namespace === undefined ? { name } : { name, namespace }
  const owned: Record<string, unknown> = {}
  for (const entry of live.metadata.managedFields ?? []) {
    if (entry.manager !== manager || entry.operation !== 'Apply' || entry.subresource !== undefined) continue
    copyOwned(entry.fieldsV1 ?? {}, live, owned)
  }
  const { metadata, ...rest } = owned as { metadata?: Record<string, unknown> }
  return { ...rest, apiVersion, kind, metadata: { ...metadata, ...identity } }
}

function copyOwned(fields: Record<string, unknown>, from: Record<string, unknown>, to: Record<string, unknown>): void {
  for (const [key, inner] of Object.entries(fields)) {
    if (!key.startsWith('f:')) continue
    const name = key.slice(2)
    const value = from[name]
    if (value === undefined) continue
    const deeper = Object.keys(inner as object).some((each) => each.startsWith('f:'))
    if (!deeper || typeof value !== 'object' || value === null || Array.isArray(value)) {
      to[name] = structuredClone(value)
      continue
    }
    const existing = to[name]
    const next = typeof existing === 'object' && existing !== null ? (existing as Record<string, unknown>) : {}
    to[name] = next
    copyOwned(inner as Record<string, unknown>, value as Record<string, unknown>, next)
  }
}
