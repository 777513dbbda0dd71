/** Reads what a node's management API lists about the nodes of its cluster. */
import type { Kube } from '../cluster/kube.ts'
import { getFromPod } from '../cluster/pod-http.ts'
import { CassSniError } from '../errors.ts'
import { asHostId } from '../text/host-id.ts'
import { MANAGEMENT_PORT } from './resource-names.ts'

const REQUEST_TIMEOUT_MS = 3000

/** A node as Cassandra's gossip lists it. */
export interface Endpoint {
  hostId: string
  address?: string | undefined
  /** The node that responded. */
  local: boolean
  /** A member of the ring: neither joining nor removed. */
  normal: boolean
}

/**
 * Returns the nodes that a node lists, itself included, from `GET /api/v0/metadata/endpoints` of
 * k8ssandra/management-api-for-apache-cassandra: `{"entity": [{"IS_LOCAL": "true", "HOST_ID": "…", "ENDPOINT_IP": "…",
 * "STATUS_WITH_PORT": "NORMAL,…", …}]}`, all values text.
 * Undefined, not an error, without permission to connect to the pod or without a valid response.
 */
export async function readEndpoints(
  kube: Kube,
  pod: { name: string; namespace: string },
): Promise<Endpoint[] | undefined> {
  try {
    const path = '/api/v0/metadata/endpoints'
    const { status, body } = await getFromPod(kube, pod, MANAGEMENT_PORT, path, REQUEST_TIMEOUT_MS)
    return status === 200 ? endpointsIn(body) : undefined
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code === 'CSNI902' || error.code === 'CSNI901') throw error
    return undefined
  }
}

/** Returns the host ID that a node reports as its own; undefined as for `readEndpoints`. */
export async function readHostId(kube: Kube, pod: { name: string; namespace: string }): Promise<string | undefined> {
  return (await readEndpoints(kube, pod))?.find(({ local }) => local)?.hostId
}

/** Parses the response; undefined for any other text. Entries without a host ID are omitted. */
export function endpointsIn(body: string): Endpoint[] | undefined {
  let response: unknown
  try {
    response = JSON.parse(body)
  } catch {
    return undefined
  }
  const entity = isRecord(response) ? response.entity : undefined
  return Array.isArray(entity) ? (entity as unknown[]).flatMap((one) => endpointFrom(one) ?? []) : undefined
}

function endpointFrom(one: unknown): Endpoint | undefined {
  if (!isRecord(one)) return undefined
  const hostId = asHostId(one.HOST_ID)
  if (hostId === undefined) return undefined
  const status = one.STATUS_WITH_PORT ?? one.STATUS
  return {
    hostId,
    address: typeof one.ENDPOINT_IP === 'string' ? one.ENDPOINT_IP : undefined,
    local: one.IS_LOCAL === 'true',
    normal: typeof status === 'string' && status.startsWith('NORMAL'),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
