/** The host IDs that Cassandra has confirmed, as recorded on the nodes' Services. Pure. */
import type { ConfirmedHostId } from '../cassandra/confirm-host-ids.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { isManaged } from '../changes/ownership.ts'
import type { KubeObject } from '../cluster/kube.ts'
import { asHostId } from '../text/host-id.ts'
import { CONFIRMED_ANNOTATION, POD_LABEL } from '../text/own-keys.ts'

/** Reads the records from the Services of a namespace, by pod name. */
export function confirmedIn(services: readonly KubeObject[]): Map<string, ConfirmedHostId> {
  return new Map(
    services.flatMap((service) => {
      const pod = service.metadata.labels?.[POD_LABEL]
      const [podUid = '', text] = service.metadata.annotations?.[CONFIRMED_ANNOTATION]?.split('/') ?? []
      const hostId = asHostId(text)
      return pod === undefined || hostId === undefined || !isManaged(service)
        ? []
        : [[pod, { podUid, hostId }] as const]
    }),
  )
}

/** Returns the annotation for a node's Service; the live one while the host ID is not confirmed. */
export function confirmedAnnotation(
  node: Pick<CassandraNode, 'podUid' | 'hostId' | 'hostIdConfirmed'> | undefined,
  live: KubeObject | undefined,
): Record<string, string> {
  const recorded = live?.metadata.annotations?.[CONFIRMED_ANNOTATION]
  const text = node?.hostIdConfirmed === true ? `${node.podUid}/${node.hostId}` : recorded
  return text === undefined ? {} : { [CONFIRMED_ANNOTATION]: text }
}
