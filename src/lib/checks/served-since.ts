/** Since when a node serves the certificate in the Secret, if its pod shows that. Pure. */
import type { V1Pod } from '@kubernetes/client-node'
import type { KubeObject } from '../cluster/kube.ts'
import { KEYSTORE_ANNOTATION } from '../text/own-keys.ts'

/**
 * Cassandra checks its keystore files every 600 s (apache/cassandra
 * src/java/org/apache/cassandra/security/SSLFactory.java, DEFAULT_HOT_RELOAD_PERIOD_SEC), after the kubelet has synced
 * the Secret, which takes up to two minutes.
 */
const REREAD_MS = (600 + 120) * 1000

export type ObservedPod = KubeObject & Pick<V1Pod, 'status'>

/** The version of a keystore in its Secret. */
export interface KeystoreVersion {
  /** The annotation of a pod whose keystore was reloaded begins with it. */
  mark: string
  /** ISO 8601: when the Secret's data was last written; undefined if not recorded. */
  writtenAt?: string | undefined
}

/**
 * Returns when a pod that serves the Secret's certificate began to: when `certs` reloaded this keystore, or when the
 * container started after the keystore was written. ISO 8601; undefined if unknown, as after a periodic reread.
 */
export function servedSince(pod: ObservedPod | undefined, { mark, writtenAt }: KeystoreVersion): string | undefined {
  if (pod === undefined) return undefined
  if (pod.metadata.annotations?.[KEYSTORE_ANNOTATION]?.startsWith(mark) === true) {
    const reloaded = writtenTime(pod, 'f:metadata', 'f:annotations', `f:${KEYSTORE_ANNOTATION}`)
    if (reloaded !== undefined) return reloaded
  }
  const started = pod.status?.containerStatuses?.find(({ name }) => name === 'cassandra')?.state?.running?.startedAt
  if (started === undefined || writtenAt === undefined) return undefined
  const time = new Date(started)
  return time.getTime() > Date.parse(writtenAt) ? time.toISOString() : undefined
}

/** Returns the time by which Cassandra has reread a keystore by its own schedule, ISO 8601. */
export function rereadBy({ writtenAt }: KeystoreVersion): string | undefined {
  return writtenAt === undefined ? undefined : new Date(Date.parse(writtenAt) + REREAD_MS).toISOString()
}

/** Returns when a field was last written, from managedFields; undefined if not recorded. */
export function writtenTime({ metadata }: KubeObject, ...path: string[]): string | undefined {
  const times = (metadata.managedFields ?? []).flatMap(({ fieldsV1, time }) => {
    let fields: unknown = fieldsV1
    for (const key of path) fields = (fields as Record<string, unknown> | undefined)?.[key]
    return fields === undefined || time === undefined ? [] : [new Date(time).toISOString()]
  })
  return times.sort().at(-1)
}
