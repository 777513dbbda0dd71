/** The client of one cluster: implements the interface in kube.ts over HTTP. */
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { CassSniError } from '../errors.ts'
import { objectsOf, parseResponse } from './parse-response.ts'
import { authenticator } from './authentication.ts'
import { Discovery } from './discovery.ts'
import type {
  ApplyOptions,
  ConnectOptions,
  ExecResult,
  Follower,
  Kube,
  KubeObject,
  KubeOptions,
  KubeTarget,
  ListOptions,
  ResourceType,
  ServerVersion,
  Snapshot,
  WatchEvent,
} from './kube.ts'
import { FIELD_MANAGER } from './kube.ts'
import { chooseConfig } from './kubeconfig.ts'
import { proxyOf } from './proxy.ts'
import { type ApiRequest, apiError, isMissingObject, tooLarge } from './api-errors.ts'
import { apiVersionOf, POD } from './resources.ts'
import { type Answer, type Call, Transport } from './transport.ts'
import { watchEvents } from './watch.ts'

export type { KubeOptions } from './kube.ts'

/** kubectl's page size (cli-runtime pkg/resource). */
const PAGE = '500'

/**
 * More pages than any kind has in the largest clusters (Kubernetes documents 150,000 pods,
 * kubernetes.io/docs/setup/best-practices/cluster-large).
 */
const MOST_PAGES = 1000
/** Size limit of one list, in characters. */
const LARGEST_LIST = 512 * 1024 * 1024

/**
 * Returns a client for the cluster that kubectl would use with the same flags and environment. Connects on first use.
 * Throws CSNI103 for an invalid kubeconfig, CSNI101 for contradictory flags.
 */
export async function connectKube(
  options: KubeOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Kube & Follower> {
  const config = await chooseConfig(options, env)
  const { signal, requestTimeoutMs, log, warn } = options
  const authenticate = await authenticator(config, { signal, env, requestTimeoutMs })
  // a login may prompt, so run it before anything is drawn on the terminal
  if (config.user.exec) await authenticate()
  const transport = new Transport({
    target: config.target,
    authenticate,
    signal,
    userAgent: userAgent(options.agent),
    proxy: proxyOf(config.cluster, env),
    compression: config.cluster['disable-compression'] !== true,
    requestTimeoutMs,
    log,
    warn,
  })
  return new Client(transport)
}

function userAgent(agent = 'kubectl-cass-sni'): string {
  // src/lib/cluster and dist/lib/cluster are at the same depth
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return `${agent}/${version} (${process.platform}/${process.arch})`
}

class Client implements Kube, Follower {
  readonly target: KubeTarget
  readonly #transport: Transport
  readonly #discovery: Discovery

  constructor(transport: Transport) {
    this.#transport = transport
    this.target = transport.target
    this.#discovery = new Discovery(transport)
  }

  clockSkewMs(): number | undefined {
    return this.#transport.clockSkewMs
  }

  async get<T extends KubeObject>(type: ResourceType, name: string, namespace?: string): Promise<T | undefined> {
    const answer = await this.#transport.send({ method: 'GET', path: pathOf(type, namespace, name) })
    if (answer.status === 404 && isMissingObject(answer.body, type, name)) return undefined
    return this.#parse<T>(answer, requestFor('get', type, name, namespace))
  }

  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<T[]> {
    return (await this.#pages<T>(type, options, true)).items
  }

  snapshot<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<Snapshot<T>> {
    return this.#pages<T>(type, options, false)
  }

  async #pages<T extends KubeObject>(type: ResourceType, options: ListOptions, patient: boolean): Promise<Snapshot<T>> {
    const { namespace, labelSelector, fieldSelector, keep } = options
    const request = requestFor('list', type, undefined, namespace)
    const call: Call = {
      method: 'GET',
      path: pathOf(type, namespace),
      query: { labelSelector, fieldSelector, limit: PAGE },
      patient,
    }
    let items: T[] = []
    let size = 0
    for (let restarts = 0, pages = 1; ; pages++) {
      const answer = await this.#transport.send(call)
      if (answer.status === 410 && call.query?.continue !== undefined && restarts++ < 3) {
        // etcd has compacted the revision of the continue token
        call.query = { ...call.query, continue: undefined }
        items = []
        continue
      }
      size += answer.body.length
      if (pages > MOST_PAGES || size > LARGEST_LIST) throw tooLarge(this.target)
      const page = this.#parse<Page<T>>(answer, request)
      // list items carry no apiVersion and kind
      for (const item of objectsOf(page.items, this.target)) {
        const object = { ...item, apiVersion: apiVersionOf(type), kind: type.kind }
        items.push(keep === undefined ? object : (keep(object) as T))
      }
      const next = page.metadata?.continue
      if (next === undefined || next === '') return { items, resourceVersion: page.metadata?.resourceVersion ?? '' }
      call.query = { ...call.query, continue: next }
    }
  }

  watch<T extends KubeObject>(
    type: ResourceType,
    { namespace, labelSelector, fieldSelector }: ListOptions,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>> {
    const call: Call = {
      method: 'GET',
      path: pathOf(type, namespace),
      query: { labelSelector, fieldSelector, resourceVersion, watch: 'true', allowWatchBookmarks: 'true' },
    }
    return watchEvents<T>(this.#transport, call, requestFor('watch', type, undefined, namespace), signal)
  }

  servedVersions(group: string): Promise<string[]> {
    return this.#discovery.servedVersions(group)
  }

  resourceType(apiVersion: string, kind: string, about: KubeObject[] = []): Promise<ResourceType> {
    return this.#discovery.resourceType(apiVersion, kind, about)
  }

  serverVersion(): Promise<ServerVersion> {
    return this.#discovery.serverVersion()
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata
    const { managedFields: _ignored, ...metadata } = object.metadata
    const query = {
      fieldManager: options.manager ?? FIELD_MANAGER,
      force: options.force === true ? 'true' : undefined,
      ...dryRun(options),
    }
    const call: Call = {
      method: 'PATCH',
      path: pathOf(type, namespace, name),
      query: { ...query, fieldValidation: 'Strict' },
      body: { ...object, metadata },
      // JSON is valid YAML, and this is the content type for server-side apply
      contentType: 'application/apply-patch+yaml',
      repeatable: true,
    }
    const request = requestFor('patch', type, name, namespace)
    let answer = await this.#transport.send(call)
    // servers before 1.25 may reject the parameter
    if ((answer.status === 400 || answer.status === 422) && /fieldValidation/.test(answer.body))
      answer = await this.#transport.send({ ...call, query })
    return this.#parse(answer, request)
  }

  async mergePatch(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    patch: object,
    options: { dryRun?: boolean; subresource?: string } = {},
  ): Promise<KubeObject> {
    const answer = await this.#transport.send({
      method: 'PATCH',
      path: pathOf(type, namespace, name, options.subresource),
      query: {
        fieldManager: FIELD_MANAGER,
        fieldValidation: 'Strict',
        ...dryRun(options),
      },
      body: patch,
      contentType: 'application/merge-patch+json',
      repeatable: true,
    })
    return this.#parse(answer, {
      ...requestFor('patch', type, name, namespace),
      subresource: options.subresource,
    })
  }

  async delete(
    type: ResourceType,
    name: string,
    namespace: string | undefined,
    options: { uid?: string | undefined; resourceVersion?: string | undefined; dryRun?: boolean } = {},
  ): Promise<boolean> {
    const { uid, resourceVersion } = options
    const answer = await this.#transport.send({
      method: 'DELETE',
      path: pathOf(type, namespace, name),
      query: dryRun(options),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
        preconditions: { uid, resourceVersion },
      },
      repeatable: uid !== undefined,
    })
    if (answer.status === 404 && isMissingObject(answer.body, type, name)) return false
    this.#parse(answer, requestFor('delete', type, name, namespace))
    return true
  }

  async can(verb: string, type: ResourceType, namespace?: string, subresource?: string): Promise<boolean> {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const resourceAttributes = { verb, group: type.group, resource: type.plural, namespace, subresource }
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    }
    const answer = await this.#transport.send({ method: 'POST', path, body, repeatable: true })
    return this.#parse<{ status?: { allowed?: boolean } }>(answer, { verb: 'create', path }).status?.allowed === true
  }

  async exec(
    pod: { name: string; namespace: string },
    container: string,
    command: string[],
    options: { stdin?: string; timeoutMs?: number } = {},
  ): Promise<ExecResult> {
    const { execInPod } = await import('./exec.ts')
    return execInPod(this.#transport, pod, container, command, options)
  }

  async podLog(
    { name, namespace }: { name: string; namespace: string },
    { container, tailLines }: { container?: string | undefined; tailLines: number },
  ): Promise<string> {
    const answer = await this.#transport.send({
      method: 'GET',
      path: pathOf(POD, namespace, name, 'log'),
      query: { container, tailLines: String(tailLines) },
    })
    const request = { ...requestFor('get', POD, name, namespace), subresource: 'log' }
    if (answer.status >= 400) throw apiError(answer.status, answer.body, request, this.target)
    return answer.body
  }

  async connect(pod: { name: string; namespace: string }, port: number, options: ConnectOptions = {}): Promise<Duplex> {
    const { openTunnel } = await import('./pod-tunnel.ts')
    return openTunnel(this.#transport, pod, port, options)
  }

  #parse<T>(answer: Answer, request: ApiRequest): T {
    return parseResponse(answer, request, this.target)
  }
}

/** The fields used of a page of a list. */
interface Page<T> {
  items?: T[]
  metadata?: { continue?: string; resourceVersion?: string }
}

function requestFor(
  verb: string,
  type: ResourceType,
  name: string | undefined,
  namespace: string | undefined,
): ApiRequest {
  return { verb, type, name, namespace: type.namespaced ? namespace : undefined }
}

function dryRun(options: { dryRun?: boolean }): { dryRun: string | undefined } {
  return { dryRun: options.dryRun === true ? 'All' : undefined }
}

/**
 * The path of a kind, an object or its subresource. A namespaced kind without a namespace means all namespaces; a
 * name then is a bug.
 */
function pathOf(type: ResourceType, namespace: string | undefined, name?: string, subresource?: string): string {
  if (name !== undefined && type.namespaced && namespace === undefined)
    throw new CassSniError('CSNI903', `no namespace given for ${type.kind} ${name}`)
  const parts = [type.group === '' ? '/api' : `/apis/${type.group}`, type.version]
  if (type.namespaced && namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(type.plural)
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (subresource !== undefined) parts.push(subresource)
  return parts.join('/')
}
