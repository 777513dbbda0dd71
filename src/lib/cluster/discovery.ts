/** The groups, versions and kinds that the API server serves, and its own version. Cached for some minutes. */
import { CassSniError, command } from '../errors.ts'
import { objectsOf, parseResponse } from './parse-response.ts'
import type { KubeObject, ResourceType, ServerVersion } from './kube.ts'
import { type ApiRequest, ApiStatusError } from './api-errors.ts'
import type { Answer, Transport } from './transport.ts'

interface ApiResource {
  name: string
  kind: string
  namespaced: boolean
}

/** How long an answer is used, in ms: a long-running process notices that an API was upgraded. */
const FRESH_MS = 5 * 60_000

interface Cached<T> {
  answer: Promise<T[]>
  at: number
}

/** The discovery part of `Kube`; its methods are documented there. */
export class Discovery {
  readonly #transport: Transport
  readonly #groups = new Map<string, Cached<string>>()
  readonly #resources = new Map<string, Cached<ApiResource>>()
  #version: Promise<ServerVersion> | undefined

  constructor(transport: Transport) {
    this.#transport = transport
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
    if (found !== undefined) return { group, version, kind, plural: found.name, namespaced: found.namespaced }
    for (const { kind: definition, spec } of about) {
      if (definition !== 'CustomResourceDefinition') continue
      const {
        group: definedGroup,
        names,
        scope,
      } = spec as {
        group: string
        names: { kind: string; plural: string }
        scope: string
      }
      if (definedGroup === group && names.kind === kind)
        return { group, version, kind, plural: names.plural, namespaced: scope === 'Namespaced' }
    }
    throw new CassSniError(
      'CSNI205',
      `the API server ${this.#transport.target.server} does not serve ${kind} (${apiVersion})`,
      {
        next: [group === '' ? command`kubectl api-resources` : command`kubectl api-resources --api-group=${group}`],
        cause: new ApiStatusError(404, 'NotFound'),
      },
    )
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
    // providers append a plus sign to the minor version: "34+"
    return { major: Number.parseInt(major ?? '', 10), minor: Number.parseInt(minor ?? '', 10) }
  }

  #parse<T>(answer: Answer, request: ApiRequest): T {
    return parseResponse(answer, request, this.#transport.target)
  }

  #objects<T>(list: T[] | null | undefined): T[] {
    return objectsOf(list, this.#transport.target)
  }
}

/**
 * Returns the cached answer, or asks for it. Failures and empty answers are not cached: a missing API may be installed
 * later.
 */
function cached<T>(answers: Map<string, Cached<T>>, key: string, ask: () => Promise<T[]>): Promise<T[]> {
  const known = answers.get(key)
  const now = performance.now()
  if (known !== undefined && now - known.at < FRESH_MS) return known.answer
  const entry = { answer: ask(), at: now }
  answers.set(key, entry)
  const forget = () => answers.get(key) === entry && answers.delete(key)
  entry.answer.then((found) => found.length === 0 && forget(), forget)
  return entry.answer
}
