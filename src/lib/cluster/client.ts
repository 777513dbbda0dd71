/** The client of one cluster: implements the port in kube.ts on HTTP requests of our own. */
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { CassSniError, command } from '../errors.ts'
import { authenticator } from './authentication.ts'
import type {
  ApplyOptions,
  ConnectOptions,
  ExecResult,
  Kube,
  KubeObject,
  KubeOptions,
  KubeTarget,
  ListOptions,
  ResourceType,
  ServerVersion,
} from './kube.ts'
import { FIELD_MANAGER } from './kube.ts'
import { chooseConfig } from './kubeconfig.ts'
import { proxyOf } from './proxy.ts'
import { type Asked, isMissingObject, Refusal, refused, tooLarge, unexpectedAnswer } from './refusal.ts'
import { apiVersionOf, POD } from './resources.ts'
import { type Answer, type Call, Transport } from './transport.ts'

export type { KubeOptions } from './kube.ts'

/** What kubectl asks for in one page (cli-runtime pkg/resource). */
const PAGE = '500'

/**
 * More pages than the largest clusters have of any kind (Kubernetes documents 150,000 pods,
 * kubernetes.io/docs/setup/best-practices/cluster-large).
 */
const MOST_PAGES = 1000
/** What one list may hold in all. Characters. */
const LARGEST_LIST = 512 * 1024 * 1024

/**
 * A client for the cluster that kubectl would use with the same flags and environment. Connects when first asked.
 * Throws CSNI103 for a kubeconfig that cannot be used, CSNI101 for flags that contradict each other.
 */
export async function connectKube(
  options: KubeOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Kube> {
  const config = await chooseConfig(options, env)
  const { signal, requestTimeoutMs, log, warn } = options
  const authenticate = await authenticator(config, { signal, env, requestTimeoutMs })
  // a login may prompt: before anything is drawn over it
  if (config.user.exec) await authenticate()
  const transport = new Transport({
    target: config.target,
    authenticate,
    signal,
    userAgent: userAgent(),
    proxy: proxyOf(config.cluster, env),
    compression: config.cluster['disable-compression'] !== true,
    requestTimeoutMs,
    log,
    warn,
  })
  return new Client(transport)
}

function userAgent(): string {
  // src/lib/cluster and dist/lib/cluster are equally deep
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return `kubectl-cass-sni/${version} (${process.platform}/${process.arch})`
}

interface ApiResource {
  name: string
  kind: string
  namespaced: boolean
}

class Client implements Kube {
  readonly target: KubeTarget
  readonly #transport: Transport
  readonly #groups = new Map<string, Promise<string[]>>()
  readonly #resources = new Map<string, Promise<ApiResource[]>>()
  #version: Promise<ServerVersion> | undefined

  constructor(transport: Transport) {
    this.#transport = transport
    this.target = transport.target
  }

  clockSkewMs(): number | undefined {
    return this.#transport.clockSkewMs
  }

  async get<T extends KubeObject>(type: ResourceType, name: string, namespace?: string): Promise<T | undefined> {
    const answer = await this.#transport.send({
      method: 'GET',
      path: pathOf(type, namespace, name),
    })
    if (answer.status === 404 && isMissingObject(answer.body, type, name)) return undefined
    return this.#parse<T>(answer, asking('get', type, name, namespace))
  }

  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<T[]> {
    const { namespace, labelSelector, fieldSelector } = options
    const asked = asking('list', type, undefined, namespace)
    const call: Call = {
      method: 'GET',
      path: pathOf(type, namespace),
      query: { labelSelector, fieldSelector, limit: PAGE },
    }
    let items: T[] = []
    let size = 0
    for (let restarts = 0, pages = 1; ; pages++) {
      const answer = await this.#transport.send(call)
      if (answer.status === 410 && call.query?.continue !== undefined && restarts++ < 3) {
        // the continue token is older than what etcd still remembers
        call.query = { ...call.query, continue: undefined }
        items = []
        continue
      }
      size += answer.body.length
      if (pages > MOST_PAGES || size > LARGEST_LIST) throw tooLarge(this.target)
      const page = this.#parse<{ items?: T[]; metadata?: { continue?: string } }>(answer, asked)
      // the items of a list do not tell their kind
      for (const item of this.#objects(page.items))
        items.push({
          ...item,
          apiVersion: apiVersionOf(type),
          kind: type.kind,
        })
      const next = page.metadata?.continue
      if (next === undefined || next === '') return items
      call.query = { ...call.query, continue: next }
    }
  }

  servedVersions(group: string): Promise<string[]> {
    if (group === '') return Promise.resolve(['v1'])
    return cached(this.#groups, group, async () => {
      const answer = await this.#transport.send({
        method: 'GET',
        path: `/apis/${encodeURIComponent(group)}`,
      })
      if (answer.status === 404) return []
      const body = this.#parse<{
        versions?: { version: string }[]
        preferredVersion?: { version: string }
      }>(answer, { verb: 'get', path: `/apis/${group}` })
      const preferred = body.preferredVersion?.version
      const versions = this.#objects(body.versions).map((one) => one.version)
      return preferred === undefined ? versions : [preferred, ...versions.filter((version) => version !== preferred)]
    })
  }

  async resourceType(apiVersion: string, kind: string, about: KubeObject[] = []): Promise<ResourceType> {
    const [group, version] = apiVersion.includes('/')
      ? (apiVersion.split('/', 2) as [string, string])
      : ['', apiVersion]
    const path =
      group === ''
        ? `/api/${encodeURIComponent(version)}`
        : `/apis/${encodeURIComponent(group)}/${encodeURIComponent(version)}`
    const served = await cached(this.#resources, apiVersion, async () => {
      const answer = await this.#transport.send({ method: 'GET', path })
      if (answer.status === 404) return []
      return this.#objects(this.#parse<{ resources?: ApiResource[] }>(answer, { verb: 'get', path }).resources)
    })
    const found = served.find((resource) => resource.kind === kind && !resource.name.includes('/'))
    if (found !== undefined)
      return {
        group,
        version,
        kind,
        plural: found.name,
        namespaced: found.namespaced,
      }
    for (const { kind: definition, spec } of about) {
      if (definition !== 'CustomResourceDefinition') continue
      const {
        group: itsGroup,
        names,
        scope,
      } = spec as {
        group: string
        names: { kind: string; plural: string }
        scope: string
      }
      if (itsGroup === group && names.kind === kind)
        return {
          group,
          version,
          kind,
          plural: names.plural,
          namespaced: scope === 'Namespaced',
        }
    }
    throw new CassSniError('CSNI205', `the API server ${this.target.server} does not serve ${kind} (${apiVersion})`, {
      next: [group === '' ? command`kubectl api-resources` : command`kubectl api-resources --api-group=${group}`],
      cause: new Refusal(404, 'NotFound'),
    })
  }

  async apply(type: ResourceType, object: KubeObject, options: ApplyOptions = {}): Promise<KubeObject> {
    const { name, namespace } = object.metadata
    const { managedFields: _ignored, ...metadata } = object.metadata
    const query = {
      fieldManager: options.manager ?? FIELD_MANAGER,
      ...(options.force === true ? { force: 'true' } : {}),
      ...dryRun(options),
    }
    const call: Call = {
      method: 'PATCH',
      path: pathOf(type, namespace, name),
      query: { ...query, fieldValidation: 'Strict' },
      body: { ...object, metadata },
      // JSON is YAML, and is what the server takes under this content type
      contentType: 'application/apply-patch+yaml',
      repeatable: true,
    }
    const asked = asking('patch', type, name, namespace)
    let answer = await this.#transport.send(call)
    // servers before 1.25 may not know the parameter
    if ((answer.status === 400 || answer.status === 422) && /fieldValidation/.test(answer.body))
      answer = await this.#transport.send({ ...call, query })
    return this.#parse(answer, asked)
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
      ...asking('patch', type, name, namespace),
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
    this.#parse(answer, asking('delete', type, name, namespace))
    return true
  }

  async can(verb: string, type: ResourceType, namespace?: string, subresource?: string): Promise<boolean> {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const resourceAttributes = {
      verb,
      group: type.group,
      resource: type.plural,
      namespace,
      subresource,
    }
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    }
    const answer = await this.#transport.send({
      method: 'POST',
      path,
      body,
      repeatable: true,
    })
    return (
      this.#parse<{ status?: { allowed?: boolean } }>(answer, {
        verb: 'create',
        path,
      }).status?.allowed === true
    )
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
    const asked = { ...asking('get', POD, name, namespace), subresource: 'log' }
    if (answer.status >= 400) throw refused(answer.status, answer.body, asked, this.target)
    return answer.body
  }

  async connect(pod: { name: string; namespace: string }, port: number, options: ConnectOptions = {}): Promise<Duplex> {
    const { openTunnel } = await import('./pod-tunnel.ts')
    return openTunnel(this.#transport, pod, port, options)
  }

  serverVersion(): Promise<ServerVersion> {
    this.#version ??= this.#askVersion().catch((error: unknown) => {
      this.#version = undefined
      throw error
    })
    return this.#version
  }

  async #askVersion(): Promise<ServerVersion> {
    const path = '/version'
    const answer = await this.#transport.send({ method: 'GET', path })
    const { major, minor } = this.#parse<{ major?: string; minor?: string }>(answer, { verb: 'get', path })
    // providers add a sign to the minor: "34+"
    return { major: Number.parseInt(major ?? '', 10), minor: Number.parseInt(minor ?? '', 10) }
  }

  /** What is to be a list of objects; Go writes an empty one as null, or leaves it out. */
  #objects<T>(list: T[] | null | undefined): T[] {
    if (list === undefined || list === null) return []
    if (!Array.isArray(list) || list.some((one) => typeof one !== 'object' || one === null))
      throw unexpectedAnswer(this.target)
    return list
  }

  #parse<T>(answer: Answer, asked: Asked): T {
    if (answer.status >= 400) throw refused(answer.status, answer.body, asked, this.target)
    let value: unknown
    try {
      value = JSON.parse(answer.body)
    } catch {
      // the parser's message quotes the text, which may be a Secret's
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpectedAnswer(this.target)
    return value as T
  }
}

/**
 * The answer to a question asked once. A failure and an empty answer are forgotten: what is not served may be
 * installed meanwhile.
 */
function cached<T>(answers: Map<string, Promise<T[]>>, key: string, ask: () => Promise<T[]>): Promise<T[]> {
  const known = answers.get(key)
  if (known !== undefined) return known
  const answer = ask()
  answers.set(key, answer)
  const forget = () => answers.delete(key)
  answer.then((found) => found.length === 0 && forget(), forget)
  return answer
}

function asking(verb: string, type: ResourceType, name: string | undefined, namespace: string | undefined): Asked {
  return {
    verb,
    type,
    name,
    namespace: type.namespaced ? namespace : undefined,
  }
}

function dryRun(options: { dryRun?: boolean }): Record<string, string> {
  return options.dryRun === true ? { dryRun: 'All' } : {}
}

/**
 * The path of a kind, an object or its subresource. A namespaced kind without a namespace means all namespaces, and
 * has no names.
 */
function pathOf(type: ResourceType, namespace: string | undefined, name?: string, subresource?: string): string {
  if (name !== undefined && type.namespaced && namespace === undefined)
    throw new CassSniError('CSNI903', `${type.kind} ${name} was asked for without a namespace`)
  const parts = [type.group === '' ? '/api' : `/apis/${type.group}`, type.version]
  if (type.namespaced && namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(type.plural)
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (subresource !== undefined) parts.push(subresource)
  return parts.join('/')
}
