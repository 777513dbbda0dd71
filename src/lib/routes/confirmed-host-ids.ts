/** The host IDs that Cassandra has confirmed, as recorded on the nodes' Services. Pure. */
import type { ConfirmedHostId } from '../cassandra/confirm-host-ids.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import type { Action } from '../events.ts'
import { asHostId } from '../text/host-id.ts'
import { CONFIRMED_ANNOTATION, POD_LABEL } from '../text/own-keys.ts'

/** As in `FieldChange.path`. */
const CONFIRMED_PATH = `metadata.annotations[${JSON.stringify(CONFIRMED_ANNOTATION)}]`

/** Reads the records from the Services of a namespace, by pod name. */
export function confirmedIn(services: readonly KubeObject[]): Map<string, ConfirmedHostId> {
  return new Map(
    services.flatMap((service) => {
      const pod = service.metadata.labels?.[POD_LABEL]
      const [podUid = '', text, volumeUid] = service.metadata.annotations?.[CONFIRMED_ANNOTATION]?.split('/') ?? []
      const hostId = asHostId(text)
      return pod === undefined || hostId === undefined || !isManaged(service)
        ? []
        : [[pod, { podUid, hostId, volumeUid }] as const]
    }),
  )
}

/** Returns the annotation for a node's Service; the live one while the host ID is not confirmed. */
export function confirmedAnnotation(
  node: Pick<CassandraNode, 'podUid' | 'hostId' | 'hostIdConfirmed' | 'volumeUid'> | undefined,
  live: KubeObject | undefined,
): Record<string, string> {
  const recorded = live?.metadata.annotations?.[CONFIRMED_ANNOTATION]
  const text = node?.hostIdConfirmed === true ? recordOf(node) : recorded
  return text === undefined ? {} : { [CONFIRMED_ANNOTATION]: text }
}

/**
 * Returns whether a change of an object concerns only its record, as after each restart of a pod: the route is the
 * same.
 * @param paths of the fields that differ
 */
export function changesOnlyRecord(action: Action, paths: readonly string[]): boolean {
  return action === 'configured' && paths.length > 0 && paths.every((path) => path === CONFIRMED_PATH)
}

function recordOf({ podUid, hostId, volumeUid }: Pick<CassandraNode, 'podUid' | 'hostId' | 'volumeUid'>): string {
  return [podUid, hostId, volumeUid].filter((part) => part !== undefined).join('/')
}
