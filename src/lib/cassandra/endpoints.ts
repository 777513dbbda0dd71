/** Asks nodes for host IDs: what a node's management API lists about itself and the other nodes of its cluster. */
import pLimit from 'p-limit'
import type { Kube } from '../cluster/kube.ts'
import { getFromPod } from '../cluster/pod-http.ts'
import { CassSniError } from '../errors.ts'
import { asHostId } from '../text/host-id.ts'
import { MANAGEMENT_PORT } from './resource-names.ts'

const REQUEST_TIMEOUT_MS = 3000
/** Concurrent requests: each takes a tunnel through the API server. */
const MAX_CONCURRENT_REQUESTS = 8
/** Nodes asked for all endpoints before giving up. */
const MOST_ASKED = 3

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

/**
 * Returns what the first of these nodes lists. If it does not respond, the next ones are asked concurrently: nodes that
 * never respond cost two time limits in all. Undefined without a response.
 */
export async function readFirstEndpoints(
  kube: Kube,
  namespace: string,
  pods: readonly string[],
): Promise<Endpoint[] | undefined> {
  const [first, ...others] = pods.slice(0, MOST_ASKED).map((name) => ({ name, namespace }))
  if (first === undefined) return undefined
  const isResponse = (listed: Endpoint[] | undefined) => listed !== undefined && listed.length > 0
  const listed = await readEndpoints(kube, first)
  if (isResponse(listed)) return listed
  return (await Promise.all(others.map((pod) => readEndpoints(kube, pod)))).find(isResponse)
}

/** Returns the host IDs that nodes report as their own, by pod name; without those that do not respond. */
export async function readHostIds(
  kube: Kube,
  namespace: string,
  pods: readonly string[],
): Promise<Map<string, string>> {
  const limit = pLimit(MAX_CONCURRENT_REQUESTS)
  const found = await Promise.all(
    pods.map((name) =>
      limit(async (): Promise<[string, string][]> => {
        const own = (await readEndpoints(kube, { name, namespace }))?.find(({ local }) => local)
        return own === undefined ? [] : [[name, own.hostId]]
      }),
    ),
  )
  return new Map(found.flat())
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
