/** Reads a node's host ID from the management API in its pod. */
import type { Kube } from '../cluster/kube.ts'
import { getFromPod } from '../cluster/pod-http.ts'
import { CassSniError } from '../errors.ts'
import { asHostId } from '../text/host-id.ts'
import { MANAGEMENT_PORT } from './resource-names.ts'

/**
 * Returns the node's host ID, from `GET /api/v0/metadata/endpoints` of k8ssandra/management-api-for-apache-cassandra:
 * `{"entity": [{"IS_LOCAL": "true", "HOST_ID": "…", …}]}`, all values text.
 * Undefined, not an error, without permission to connect to the pod or without a valid response.
 */
export async function readHostId(kube: Kube, pod: { name: string; namespace: string }): Promise<string | undefined> {
  try {
    const { status, body } = await getFromPod(kube, pod, MANAGEMENT_PORT, '/api/v0/metadata/endpoints', 3000)
    return status === 200 ? localHostId(body) : undefined
  } catch (error) {
    if (error instanceof CassSniError && (error.code === 'CSNI902' || error.code === 'CSNI901')) throw error
    return undefined
  }
}

/** Returns the host ID of the endpoint marked local; undefined for any other text. */
export function localHostId(body: string): string | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch {
    return undefined
  }
  const entity = typeof answer === 'object' && answer !== null && 'entity' in answer ? answer.entity : undefined
  if (!Array.isArray(entity)) return undefined
  const local = (entity as unknown[]).find(
    (one) => typeof one === 'object' && one !== null && 'IS_LOCAL' in one && one.IS_LOCAL === 'true',
  )
  return typeof local === 'object' && local !== null && 'HOST_ID' in local ? asHostId(local.HOST_ID) : undefined
}
