/**
 * The state in which the controller last left the routes of a datacenter: an annotation on our Gateway, or on a
 * TLSRoute on a Gateway of others, under a separate field manager, which `routes sync` does not touch. Written when the
 * state changes, never periodically.
 */
import { type ApplyContext, applyChanges } from '../changes/apply.ts'
import { changeSet } from '../changes/change-plan.ts'
import type { Desired } from '../changes/changeset.ts'
import type { KubeObject, ResourceType } from '../cluster/kube.ts'
import { apiVersionOf } from '../cluster/resources.ts'
import { SYNC_ANNOTATION } from '../text/own-keys.ts'

export interface SyncRecord {
  /** ISO 8601. */
  time: string
  /** metadata.generation of the CassandraDatacenter. */
  generation?: number | undefined
  result: 'synced' | 'failing'
  /** Routed nodes, those with a kept route included. */
  routed: number
  pending: number
  /** Code and message of the failure. */
  code?: string | undefined
  message?: string | undefined
  /** Identity of the replica. */
  by: string
}

/** Field manager of the annotation. */
const MANAGER_SUFFIX = 'controller'

/** Longest message in an annotation, in characters. */
const LONGEST = 1000

/** Returns the record of a Gateway; undefined without a valid one. */
export function syncRecordOf(gateway: KubeObject | undefined): SyncRecord | undefined {
  const text = gateway?.metadata.annotations?.[SYNC_ANNOTATION]
  if (text === undefined) return undefined
  let parsed: Partial<Record<keyof SyncRecord, unknown>> | null
  try {
    parsed = JSON.parse(text) as typeof parsed
  } catch {
    return undefined
  }
  const { time, generation, result, routed, pending, code, message, by } = parsed ?? {}
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time)) || (result !== 'synced' && result !== 'failing'))
    return undefined
  return {
    time,
    generation: optional(generation, 'number'),
    result,
    routed: optional(routed, 'number') ?? 0,
    pending: optional(pending, 'number') ?? 0,
    code: optional(code, 'string'),
    message: optional(message, 'string'),
    by: optional(by, 'string') ?? '',
  }
}

function optional(value: unknown, type: 'number'): number | undefined
function optional(value: unknown, type: 'string'): string | undefined
function optional(value: unknown, type: string): unknown {
  return typeof value === type ? value : undefined
}

/** Writes the record if it differs from that on the Gateway in more than time, replica and wording. */
export async function recordSync(
  context: ApplyContext,
  { type, gateway, record }: { type: ResourceType; gateway: KubeObject; record: SyncRecord },
): Promise<void> {
  const before = syncRecordOf(gateway)
  if (before !== undefined && stateOf(before) === stateOf(record)) return
  const text = JSON.stringify({ ...record, message: record.message?.slice(0, LONGEST) })
  await applyChanges(
    context,
    changeSet([[annotated(type, gateway, { [SYNC_ANNOTATION]: text })]], () => gateway),
  )
}

/** Removes the record from a Gateway. */
export function withoutRecord(type: ResourceType, gateway: KubeObject): Desired {
  return annotated(type, gateway, undefined)
}

function annotated(type: ResourceType, gateway: KubeObject, annotations: Record<string, string> | undefined): Desired {
  const { name, namespace } = gateway.metadata
  const metadata = annotations === undefined ? { name, namespace } : { name, namespace, annotations }
  return {
    type,
    ownership: 'share',
    managerSuffix: MANAGER_SUFFIX,
    // the fields of the plain manager are the routes
    former: 'keep',
    mustExist: true,
    object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata },
  }
}

function stateOf({ result, generation, routed, pending, code }: SyncRecord): string {
  return JSON.stringify([result, generation, routed, pending, code])
}
