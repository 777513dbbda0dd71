/**
 * The interface to the Kubernetes API: everything that the rest of the program can request from a cluster.
 * `client.ts` implements it.
 */
import type { Duplex } from 'node:stream'
import type { Connection } from './connection-flags.ts'

/** The object metadata that this program reads or writes. */
export interface ObjectMeta {
  name: string
  namespace?: string | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  managedFields?: ManagedFields[]
  finalizers?: string[]
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** One entry of metadata.managedFields; `fieldsV1` is the nested set of `f:`, `k:` and `v:` keys. */
export interface ManagedFields {
  manager?: string
  operation?: string
  subresource?: string
  /** ISO 8601. */
  time?: string
  fieldsV1?: Record<string, unknown>
}

/** Any Kubernetes object. All text in it is untrusted. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

/** Identifies a kind of object to the API server; `resources.ts` lists those in use. */
export interface ResourceType {
  /** API group; '' is the core group. */
  group: string
  version: string
  kind: string
  plural: string
  namespaced: boolean
}

export interface ListOptions {
  /** Undefined lists all namespaces. */
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  /** Applied to each object as it arrives: memory holds only what it returns. */
  keep?: ((object: KubeObject) => KubeObject) | undefined
}

export interface ApplyOptions {
  /** Server-side dry run (`dryRun=All`); nothing is written. */
  dryRun?: boolean
  /** Take over fields from other managers. Only for objects and keys that we own. */
  force?: boolean
  /** The field manager; default FIELD_MANAGER. */
  manager?: string | undefined
}

export interface ServerVersion {
  major: number
  minor: number
}

export interface ExecResult {
  stdout: string
  stderr: string
  exitCode: number
}

/** The cluster and user of a client, from the merged kubeconfig and flags. */
export interface KubeTarget {
  context: string
  cluster: string
  server: string
  user: string
  /** The namespace from the flag, the context or "default", in this order. */
  namespace: string
  /** True if a flag or the context sets the namespace, false if it is only the default. */
  namespaceGiven: boolean
  /** insecure-skip-tls-verify is set: the API server's certificate is not verified. */
  insecure?: true | undefined
  /** The namespace that the context sets in the kubeconfig. */
  contextNamespace?: string | undefined
}

/**
 * A client of one cluster. Every method throws a translated `CassSniError` (codes CSNI2xx); no error contains headers,
 * tokens or Secret data. All methods honor the AbortSignal given at construction.
 */
export interface Kube {
  readonly target: KubeTarget
  /**
   * How far the API server's clock is ahead of the local one in ms, from its last response; undefined before the first.
   */
  clockSkewMs(): number | undefined
  /** Returns the object, or undefined if it does not exist (404 for the object, not for the kind). */
  get<T extends KubeObject = KubeObject>(type: ResourceType, name: string, namespace?: string): Promise<T | undefined>
  /** Lists all matching objects, across pages. Throws CSNI205 if the API is not served. */
  list<T extends KubeObject = KubeObject>(type: ResourceType, options?: ListOptions): Promise<T[]>
  /** Returns the served versions of an API group, preferred first; empty if the group is not served. */
  servedVersions(group: string): Promise<string[]>
  /**
   * Looks up the resource of a kind (GET /apis/<group>/<version>), for objects from a user's file. If it is not served
   * yet, the CustomResourceDefinitions in `about`, which are created with it, are searched. Throws CSNI205 otherwise.
   */
  resourceType(apiVersion: string, kind: string, about?: KubeObject[]): Promise<ResourceType>
  /**
   * Server-side apply with strict field validation. Returns the live object. A uid and a resourceVersion in the
   * object's metadata are preconditions: if they no longer match, the error satisfies `isRace`.
   */
  apply(type: ResourceType, object: KubeObject, options?: ApplyOptions): Promise<KubeObject>
  /** Applies a JSON merge patch as our field manager. `subresource` is "status", for instance. */
  mergePatch(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    patch: object,
    options?: { dryRun?: boolean; subresource?: string },
  ): Promise<KubeObject>
  /**
   * Deletes an object, with uid and resourceVersion as preconditions if given. Returns false if it no longer exists.
   */
  delete(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    options?: { uid?: string | undefined; resourceVersion?: string | undefined; dryRun?: boolean },
  ): Promise<boolean>
  /** The server's version; NaN for a part that it does not report. Cached. */
  serverVersion(): Promise<ServerVersion>
  /** Whether the current user has a permission (SelfSubjectAccessReview). */
  can(verb: string, type: ResourceType, namespace?: string, subresource?: string): Promise<boolean>
  /** Runs a command in a container; a non-zero exit code is a result, not an error. */
  exec(
    pod: { name: string; namespace: string },
    container: string,
    command: string[],
    options?: { stdin?: string; timeoutMs?: number },
  ): Promise<ExecResult>
  /**
   * Returns the last lines of a container's log; the container may be omitted if the pod has only one. Throws CSNI203
   * without permission.
   */
  podLog(
    pod: { name: string; namespace: string },
    options: { container?: string | undefined; tailLines: number },
  ): Promise<string>
  /**
   * Opens one TCP connection to a port of a pod that no other connection delays, with backpressure in both directions.
   * Rejects if the tunnel cannot be opened; the stream is destroyed with a CassSniError if the remote end fails.
   */
  connect(pod: { name: string; namespace: string }, port: number, options?: ConnectOptions): Promise<Duplex>
}

/** All objects of a list, and the version from which a watch continues. */
export interface Snapshot<T> {
  items: T[]
  resourceVersion: string
}

/**
 * An event of a watch. The first one reports that the server has accepted it: the next may take a minute. A
 * bookmark has only the version reached so far.
 */
export type WatchEvent<T> =
  | { type: 'ACCEPTED' }
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string }

/** The part of a client that follows objects of a kind; used by `reflector.ts`. */
export interface Follower {
  /** Lists as `Kube.list` does, with the version. */
  snapshot<T extends KubeObject = KubeObject>(type: ResourceType, options?: ListOptions): Promise<Snapshot<T>>
  /**
   * The events after a version, in order, until the server closes the watch, which it does every few minutes. Throws
   * the error of the API server, from its response or an event (`statusOf`: 410 if the version is too old), CSNI208
   * for an invalid event, CSNI201 if the connection fails or nothing was received for two minutes, or the reason of an
   * abort.
   */
  watch<T extends KubeObject = KubeObject>(
    type: ResourceType,
    options: ListOptions,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>
}

export interface ConnectOptions {
  /** Aborts opening, with its reason (a CassSniError). Once open, the caller destroys the stream. */
  signal?: AbortSignal | undefined
}

/** Options of a client: connection flags and callbacks. */
export interface KubeOptions extends Connection {
  signal: AbortSignal
  /** The program's name in the User-Agent. Default kubectl-cass-sni. */
  agent?: string | undefined
  /** Receives one line per request (method, path, status, time); never a header or a body. */
  log?: ((line: string) => void) | undefined
  /** Receives each API server warning once (`Warning:` headers), and notice of a long requested wait. */
  warn?: ((message: string) => void) | undefined
}

/** The default field manager (Kubernetes docs: reference/using-api/server-side-apply). */
export const FIELD_MANAGER = 'kubectl-cass-sni'
