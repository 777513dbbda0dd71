/** Finds the records that the routes controller has left on route objects. */
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../../changes/ownership.ts'
import type { Kube, KubeObject, ResourceType } from '../../cluster/kube.ts'
import { API_GATEWAY, ISTIO_GATEWAY } from '../../cluster/resources.ts'
import { unless } from '../../cluster/unless.ts'
import { servedTlsRoute } from '../../gateway-api/observe-gateway-api.ts'
import { type SyncRecord, syncRecordOf } from '../../reconcile/sync-record.ts'
import { OWNER_LABEL } from '../../text/own-keys.ts'

export interface RecordedSync {
  type: ResourceType
  object: KubeObject
  record: SyncRecord
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
}

/**
 * Returns the records in a namespace (undefined: all namespaces), on our Gateways of both APIs and on TLSRoutes. Throws
 * CSNI203 without permission to list them.
 */
export async function recordedSyncs(kube: Kube, namespace: string | undefined): Promise<RecordedSync[]> {
  const labelSelector = `${MANAGED_BY_LABEL}=${FIELD_MANAGER}`
  const list = async (type: ResourceType): Promise<RecordedSync[]> => {
    const objects = (await unless('CSNI205', kube.list(type, { namespace, labelSelector }))) ?? []
    return objects.flatMap((object): RecordedSync[] => {
      const record = syncRecordOf(object)
      const datacenter = object.metadata.labels?.[OWNER_LABEL]
      return record === undefined || datacenter === undefined ? [] : [{ type, object, record, datacenter }]
    })
  }
  const tlsRoute = await servedTlsRoute(kube)
  const types = [ISTIO_GATEWAY, ...(tlsRoute === undefined ? [] : [API_GATEWAY, tlsRoute])]
  return (await Promise.all(types.map(list))).flat()
}
