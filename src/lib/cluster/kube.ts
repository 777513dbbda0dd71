/**
 * The port to the Kubernetes API: everything that the rest of the program may ask of a cluster.
 * `client.ts` implements it on HTTP requests of our own.
 */
import type { Duplex } from 'node:stream'
import type { Connection } from './connection-flags.ts'

/** Object metadata, as far as this program reads or writes it. */
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
  fieldsV1?: Record<string, unknown>
}

/** Any Kubernetes object. Whatever it holds is untrusted text. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  [field: string]: unknown
}

/** What identifies a kind of object to the API server; see `resources.ts` for those in use. */
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
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
}

export interface ApplyOptions {
  /** Ask the server what it would do (`dryRun=All`); nothing is written. */
  dryRun?: boolean
  /** Take fields over from other managers. Only for objects and keys that are ours. */
  force?: boolean
  /** The field manager to apply as; default FIELD_MANAGER. */
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

/** Where a client is connected to, from the merged kubeconfig and flags. */
export interface KubeTarget {
  context: string
  cluster: string
  server: string
  user: string
  /** The namespace in force: flag, else the context's, else "default". */
  namespace: string
  /** True when the namespace was named by a flag or the context, false when it is only the default. */
  namespaceGiven: boolean
  /** The kubeconfig says insecure-skip-tls-verify: whoever is on the way can pretend to be the API server. */
  insecure?: true | undefined
  /** The namespace that the context itself names in the kubeconfig. */
  contextNamespace?: string | undefined
}

/**
 * A client of one cluster. Every method throws a `CassSniError` that is already translated (codes CSNI2xx);
 * no error carries headers, tokens or bodies of Secrets. All honour the AbortSignal given at construction.
 */
export interface Kube {
  readonly target: KubeTarget
  /** How far the API server's clock is ahead of this machine's, by its last answer; undefined before one. */
  clockSkewMs(): number | undefined
  /** The object, or undefined when it does not exist (404 on the object, not on the kind). */
  get<T extends KubeObject = KubeObject>(type: ResourceType, name: string, namespace?: string): Promise<T | undefined>
  /** All objects that match, following `continue` pages. An API that is not served throws CSNI205. */
  list<T extends KubeObject = KubeObject>(type: ResourceType, options?: ListOptions): Promise<T[]>
  /**
   * The versions of an API group that the server serves, preferred first; empty when it does not serve the group.
   */
  servedVersions(group: string): Promise<string[]>
  /**
   * What the server calls a kind (GET /apis/<group>/<version>), for objects from a user's file. A kind that is not
   * served
   * yet is looked up in the CustomResourceDefinitions among `about`, which are to be created along with it; else
   * CSNI205.
   */
  resourceType(apiVersion: string, kind: string, about?: KubeObject[]): Promise<ResourceType>
  /**
   * Server-side apply with strict field validation. Returns the live object. A uid and a resourceVersion in the
   * object's metadata are preconditions: when they are another's by now it throws what `isRace` tells.
   */
  apply(type: ResourceType, object: KubeObject, options?: ApplyOptions): Promise<KubeObject>
  /** JSON merge patch with our field manager. `subresource` as in "status". */
  mergePatch(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    patch: object,
    options?: { dryRun?: boolean },
  ): Promise<KubeObject>
  /**
   * Deletes, with the uid and the resourceVersion as preconditions where given. Gone already is success (returns
   * false).
   */
  delete(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    options?: { uid?: string | undefined; resourceVersion?: string | undefined; dryRun?: boolean },
  ): Promise<boolean>
  /** The server's version; NaN for what it does not tell. Asked once. */
  serverVersion(): Promise<ServerVersion>
  /** SelfSubjectAccessReview: may the current user do this? */
  can(verb: string, type: ResourceType, namespace?: string, subresource?: string): Promise<boolean>
  /** Runs a command in a container; a non-zero exit is a result, not an error. */
  exec(
    pod: { name: string; namespace: string },
    container: string,
    command: string[],
    options?: { stdin?: string; timeoutMs?: number },
  ): Promise<ExecResult>
  /**
   * The last lines of a container's log; of the pod's only container when none is named. Throws CSNI203 without
   * permission.
   */
  podLog(
    pod: { name: string; namespace: string },
    options: { container?: string | undefined; tailLines: number },
  ): Promise<string>
  /**
   * One TCP connection to a port of a pod, over one WebSocket of its own, with backpressure both ways.
   * Rejects when the tunnel cannot be opened; the stream is destroyed with a CassSniError when the far end fails.
   */
  connect(pod: { name: string; namespace: string }, port: number, options?: ConnectOptions): Promise<Duplex>
}

export interface ConnectOptions {
  /** Gives up the opening, with its reason (a CassSniError). A stream that is open is the caller's to destroy. */
  signal?: AbortSignal | undefined
}

/** What a client is made of: how to reach the cluster, and whom to tell. */
export interface KubeOptions extends Connection {
  signal: AbortSignal
  /** Told one line per request (method, path, status, time) when given; never a header or a body. */
  log?: ((line: string) => void) | undefined
  /** Told each warning of the API server once (its `Warning:` headers), and that it asks for a long wait. */
  warn?: ((message: string) => void) | undefined
}

/** The field manager of all that this program writes (Kubernetes docs: reference/using-api/server-side-apply). */
export const FIELD_MANAGER = 'kubectl-cass-sni'
