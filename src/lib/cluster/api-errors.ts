/** Translates all errors of the API server and of the connection to it into CassSniErrors. */
import { again, CassSniError, command, hint } from '../errors.ts'
import { isCertificateError, systemError } from '../text/system-errors.ts'
import type { KubeTarget, ResourceType } from './kube.ts'
import { grantHint } from './grant-hint.ts'
import { SECRET } from './resources.ts'

/** A request in the user's terms: "get secrets x in namespace y". */
export interface ApiRequest {
  verb: string
  type?: ResourceType
  name?: string | undefined
  namespace?: string | undefined
  subresource?: string | undefined
  /** The path, for requests that do not concern a kind of object. */
  path?: string
}

/** The fields in use of a `Status` object (k8s.io/apimachinery/pkg/apis/meta/v1/types.go). */
interface Status {
  kind: 'Status'
  message?: string
  reason?: string
  details?: {
    name?: string
    kind?: string
    causes?: { reason?: string; message?: string; field?: string }[]
  }
}

/** In characters: about one terminal page. */
const LONGEST_MESSAGE = 4000

/** The cause of a translated error, with the status for callers to check. */
export class ApiStatusError extends Error {
  readonly status: number
  readonly reason: string
  /** Reasons of `details.causes`. */
  readonly causes: readonly string[]

  constructor(status: number, reason: string, causes: readonly string[] = []) {
    super(`${status} ${reason}`)
    this.status = status
    this.reason = reason
    this.causes = causes
  }
}

/** True if the object was modified concurrently: reading it again and retrying may succeed. */
export function isRace(error: unknown): boolean {
  return (
    error instanceof CassSniError &&
    error.cause instanceof ApiStatusError &&
    error.cause.status === 409 &&
    error.cause.reason !== 'FieldManagerConflict'
  )
}

/** The HTTP status of the API server behind an error; undefined without one. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof CassSniError && error.cause instanceof ApiStatusError ? error.cause.status : undefined
}

/** Parses the body as a Status; undefined if it is something else, such as the plain text of an unknown path. */
export function parseStatus(body: string): Status | undefined {
  try {
    const parsed = JSON.parse(body) as Partial<Status> | null
    return parsed !== null && parsed.kind === 'Status' ? (parsed as Status) : undefined
  } catch {
    return undefined
  }
}

/** True if a 404 refers to this object, not to its kind or namespace. */
export function isMissingObject(body: string, type: ResourceType, name: string): boolean {
  const status = parseStatus(body)
  return (
    status?.reason === 'NotFound' &&
    status.details?.name === name &&
    (status.details.kind !== 'namespaces' || type.kind === 'Namespace')
  )
}

/** Translates a response with a status of 400 or more. */
export function apiError(httpStatus: number, body: string, request: ApiRequest, target: KubeTarget): CassSniError {
  const status = parseStatus(body)
  const message = shortened(status?.message ?? body.slice(0, 300).trim())
  const causes = status?.details?.causes?.flatMap((one) => one.reason ?? []) ?? []
  const cause = new ApiStatusError(httpStatus, status?.reason ?? '', causes)
  const object = objectOf(request)
  const details = { cause, object }
  if (httpStatus === 401) return unauthorized(target, cause)
  if (
    httpStatus === 403 &&
    (status === undefined || /cannot \S+ (resource|path)|may not|not allowed to/.test(message) || !writes(request.verb))
  ) {
    return forbidden(message, request, details, target)
  }
  if (httpStatus === 404) return notFound(status, request, details, target)
  if (httpStatus === 409) return conflict(status, request, details)
  // the uid precondition no longer matches: the object was replaced
  if (httpStatus === 422 && status?.details?.causes?.some((one) => one.field === 'metadata.uid') === true) {
    return conflict(undefined, request, { ...details, cause: new ApiStatusError(409, 'Conflict') })
  }
  if (httpStatus === 429) {
    return new CassSniError('CSNI208', `the API server is overloaded: cannot ${describe(request)}`, {
      ...details,
      next: [hint('try again in a minute')],
    })
  }
  if (httpStatus === 413 || /etcdserver: request is too large/.test(message)) {
    return new CassSniError('CSNI213', `cannot ${describe(request)}: object is too large`, {
      ...details,
      next: [hint("reduce the object; etcd's limit is its flag --max-request-bytes")],
    })
  }
  // a webhook denial and an unknown field may be reported as 500 too
  if (httpStatus >= 500 && !/admission webhook|failed to create typed patch object/.test(message)) {
    return new CassSniError(
      'CSNI208',
      `cannot ${describe(request)} (API server error ${httpStatus}): ${hideSecrets(message, request)}`,
      {
        ...details,
        next: [command`kubectl ${contextFlags(target)} get --raw '/readyz?verbose'`],
      },
    )
  }
  return new CassSniError('CSNI206', `cannot ${describe(request)}: ${reasons(status, message, request)}`, details)
}

type Details = { cause: ApiStatusError; object?: string | undefined }

const writes = (verb: string) => ['create', 'update', 'patch', 'delete'].includes(verb)

function unauthorized(target: KubeTarget, cause: ApiStatusError): CassSniError {
  const user = target.user === '' ? 'no user' : `user "${target.user}"`
  return new CassSniError(
    'CSNI202',
    `the API server ${target.server} rejected the credentials of ${user} (context "${target.context}")`,
    {
      cause,
      next: [hint('log in again'), command`kubectl ${contextFlags(target)} auth whoami`],
    },
  )
}

function forbidden(message: string, request: ApiRequest, details: Details, target: KubeTarget): CassSniError {
  const who = /User "([^"]*)" cannot/.exec(message)?.[1]
  const { type, name, namespace } = request
  // the server's message names the verb it checked: for WebSockets "create" since Kubernetes 1.35, before that "get"
  const verb = /cannot (\S+) resource/.exec(message)?.[1] ?? request.verb
  const clusterWide = type?.namespaced === true ? ' cluster-wide' : ''
  const where = type === undefined ? '' : namespace === undefined ? clusterWide : ` in namespace ${namespace}`
  const what = type === undefined ? (request.path ?? '') : resourceName(request)
  const scope = namespace !== undefined ? ['-n', namespace] : type?.namespaced === true ? ['-A'] : []
  const subresource = request.subresource === undefined ? [] : ['--subresource', request.subresource]
  const group = type === undefined || type.group === '' ? '' : `.${type.group}`
  const resource = type === undefined ? what : `${type.plural}${group}${name === undefined ? '' : `/${name}`}`
  return new CassSniError(
    'CSNI203',
    `${who === undefined ? 'the current user' : `user "${who}"`} cannot ${verb} ${what}` +
      `${name === undefined ? '' : ` "${name}"`}${where}`,
    {
      ...details,
      next: [
        command`kubectl auth can-i ${verb} ${resource} ${subresource} ${scope}`,
        ...(type === undefined ? [] : [grantHint(namespace, target, who)]),
      ],
    },
  )
}

function notFound(status: Status | undefined, request: ApiRequest, details: Details, target: KubeTarget): CassSniError {
  if (
    status?.details?.kind === 'namespaces' &&
    status.details.name !== undefined &&
    request.type?.kind !== 'Namespace'
  ) {
    return new CassSniError('CSNI204', `namespace "${status.details.name}" not found`, {
      ...details,
      next: [command`kubectl get namespaces`, command`kubectl create namespace ${status.details.name}`],
    })
  }
  if (status?.reason === 'NotFound' && status.details?.name !== undefined) {
    const { name, kind } = status.details
    // for a pod's subresources it may be the worker node that is missing
    const what = name === request.name ? (details.object ?? name) : `${kind ?? 'object'}/${name}`
    return new CassSniError('CSNI204', `${what} not found`, details)
  }
  const what =
    request.type === undefined
      ? (request.path ?? 'this path')
      : `${request.type.kind} (${request.type.group === '' ? 'core' : request.type.group}/${request.type.version})`
  return new CassSniError('CSNI205', `the API server ${target.server} does not serve ${what}`, {
    ...details,
    next: [
      request.type === undefined || request.type.group === ''
        ? command`kubectl api-versions`
        : command`kubectl api-resources --api-group=${request.type.group}`,
    ],
  })
}

function conflict(status: Status | undefined, request: ApiRequest, details: Details): CassSniError {
  const causes = (status?.details?.causes ?? []).filter((one) => one.reason === 'FieldManagerConflict')
  if (causes.length > 0) {
    const managers = [
      ...new Set(causes.map((one) => /conflict with "([^"]*)"/.exec(one.message ?? '')?.[1] ?? 'another manager')),
    ]
    const { type, name, namespace } = request
    const inNamespace = namespace === undefined ? [] : ['-n', namespace]
    const fields = causes.map((one) => one.field ?? '').filter((field) => field !== '')
    return new CassSniError(
      'CSNI207',
      `${details.object ?? 'object'}: ${fields.join(', ')} ${fields.length === 1 ? 'is' : 'are'} managed by ` +
        `${managers.map((name) => `"${name}"`).join(', ')} with a different value`,
      {
        ...details,
        cause: new ApiStatusError(409, 'FieldManagerConflict'),
        next:
          name === undefined || type === undefined
            ? []
            : [command`kubectl get ${type.plural} ${name} ${inNamespace} -o yaml --show-managed-fields`],
      },
    )
  }
  return new CassSniError('CSNI206', `cannot ${describe(request)}: the object was modified concurrently`, {
    ...details,
    next: [again``],
  })
}

function reasons(status: Status | undefined, message: string, request: ApiRequest): string {
  const causes = status?.details?.causes ?? []
  if (request.type?.kind === SECRET.kind && request.type.group === '') {
    // the message quotes values, which are secret
    const fields = [...new Set(causes.map((one) => one.field ?? '').filter((field) => field !== ''))]
    return fields.length > 0
      ? `invalid ${fields.join(', ')}`
      : `invalid object (${status?.reason ?? 'no reason given'})`
  }
  if (causes.length === 0) return message
  const each = causes.map((one) =>
    [one.field, one.message].filter((part) => part !== undefined && part !== '' && part !== '<nil>').join(': '),
  )
  return shortened([...new Set(each)].join('; ')) || message
}

/** Truncates a server's message. */
function shortened(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE)}…`
}

function hideSecrets(message: string, request: ApiRequest): string {
  return request.type?.kind === SECRET.kind && writes(request.verb)
    ? '(message hidden because it may quote the Secret)'
    : message
}

/** "secret/dc1-keystore in namespace x"; undefined if the request does not concern a single object. */
export function objectOf(request: ApiRequest): string | undefined {
  if (request.type === undefined || request.name === undefined) return undefined
  const kind = request.type.kind.toLowerCase()
  const named = request.type.group === '' ? `${kind}/${request.name}` : `${kind}.${request.type.group}/${request.name}`
  return request.namespace === undefined ? named : `${named} in namespace ${request.namespace}`
}

function describe(request: ApiRequest): string {
  const object = objectOf(request)
  if (object !== undefined)
    return `${request.verb} ${object}${request.subresource === undefined ? '' : ` (${request.subresource})`}`
  if (request.type === undefined) return `${request.verb} ${request.path ?? ''}`
  const { verb, type, namespace } = request
  return `${verb} ${type.plural}${namespace === undefined ? '' : ` in namespace ${namespace}`}`
}

function resourceName(request: ApiRequest): string {
  if (request.type === undefined) return ''
  return (
    `${request.type.plural}${request.type.group === '' ? '' : `.${request.type.group}`}` +
    `${request.subresource === undefined ? '' : `/${request.subresource}`}`
  )
}

/** kubectl's flag for the current context. */
export function contextFlags(target: KubeTarget): string[] {
  return target.context === '' || target.context === 'in-cluster' ? [] : ['--context', target.context]
}

/** Translates a failure below HTTP: connection, TLS or timeout. */
export function unreachable(error: unknown, target: KubeTarget): CassSniError {
  if (error instanceof CassSniError) return error
  const { code = '', message } = deepest(error)
  const next = [command`kubectl ${contextFlags(target)} cluster-info`]
  const where = `the API server ${target.server} (context "${target.context}")`
  if (isCertificateError(code))
    return new CassSniError('CSNI201', `cannot verify the certificate of ${where}: ${systemError(error)}`, { next })
  if (/^ERR_OSSL|^ERR_CRYPTO/.test(code)) {
    return new CassSniError(
      'CSNI103',
      `cannot parse the certificate or key of user "${target.user}" in the kubeconfig: ${message}`,
      {
        next: [command`kubectl config view`],
      },
    )
  }
  if (/^ERR_SSL.*ALERT/.test(code))
    return new CassSniError(
      'CSNI202',
      `${where} rejected the client certificate of user "${target.user}": ${systemError(error)}`,
      {
        next,
      },
    )
  return new CassSniError('CSNI201', `cannot reach ${where}: ${systemError(error)}`, { next })
}

function deepest(error: unknown): { code?: string | undefined; message: string } {
  // several addresses were tried: report the first failure
  if (error instanceof AggregateError && error.errors.length > 0) return deepest(error.errors[0])
  if (error instanceof Error) return error as NodeJS.ErrnoException
  return { message: String(error) }
}

/** The error for a response above the size limit. */
export function tooLarge(target: KubeTarget): CassSniError {
  return new CassSniError(
    'CSNI208',
    `response from ${target.server} (context "${target.context}") too large; is this a Kubernetes API server?`,
    {
      next: [command`kubectl config view`],
    },
  )
}

/** The error for a body that is not from an API server, such as `null` or a login form. The body is not quoted. */
export function unexpectedResponse(target: KubeTarget): CassSniError {
  return new CassSniError('CSNI208', `unexpected response from ${target.server}; is this a Kubernetes API server?`, {
    next: [command`kubectl ${contextFlags(target)} get --raw /version`, command`kubectl config view`],
  })
}
