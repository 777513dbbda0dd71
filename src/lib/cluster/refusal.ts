/** What the API server's answers mean: every foreign error becomes a CassSniError here, and nowhere else. */
import { again, CassSniError, command, hint } from '../errors.ts'
import { isCertificateError, systemError } from '../text/system-errors.ts'
import type { KubeTarget, ResourceType } from './kube.ts'
import { packageFile } from '../text/package-file.ts'
import { SECRET } from './resources.ts'

/** A request as a user would call it: "get secrets x in namespace y". */
export interface Asked {
  verb: string
  type?: ResourceType
  name?: string | undefined
  namespace?: string | undefined
  subresource?: string | undefined
  /** For requests that concern no kind of object: the path. */
  path?: string
}

/** A `Status` object, as far as it is used (k8s.io/apimachinery/pkg/apis/meta/v1/types.go). */
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

/** Characters: a page of a terminal. */
const LONGEST_WORDS = 4000

/** The cause of a translated error: what a caller may decide on. */
export class Refusal extends Error {
  readonly status: number
  readonly reason: string

  constructor(status: number, reason: string) {
    super(`${status} ${reason}`)
    this.status = status
    this.reason = reason
  }
}

/** True when somebody changed the object at the same time: reading it again and trying once more may help. */
export function isRace(error: unknown): boolean {
  return (
    error instanceof CassSniError &&
    error.cause instanceof Refusal &&
    error.cause.status === 409 &&
    error.cause.reason !== 'FieldManagerConflict'
  )
}

/** The HTTP status that an error came from, undefined when it did not come from an answer of the API server. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof CassSniError && error.cause instanceof Refusal ? error.cause.status : undefined
}

/** The body as a Status; undefined when it is something else, like the plain text of a path that is not served. */
export function parseStatus(body: string): Status | undefined {
  try {
    const parsed = JSON.parse(body) as Partial<Status> | null
    return parsed !== null && parsed.kind === 'Status' ? (parsed as Status) : undefined
  } catch {
    return undefined
  }
}

/** True when a 404 means this object, not its kind or its namespace. */
export function isMissingObject(body: string, type: ResourceType, name: string): boolean {
  const status = parseStatus(body)
  return (
    status?.reason === 'NotFound' &&
    status.details?.name === name &&
    (status.details.kind !== 'namespaces' || type.kind === 'Namespace')
  )
}

/** Translates an answer with a status of 400 or more. */
export function refused(httpStatus: number, body: string, asked: Asked, target: KubeTarget): CassSniError {
  const status = parseStatus(body)
  const said = shortened(status?.message ?? body.slice(0, 300).trim())
  const cause = new Refusal(httpStatus, status?.reason ?? '')
  const object = objectOf(asked)
  const details = { cause, object }
  if (httpStatus === 401) return unauthorized(target, cause)
  if (
    httpStatus === 403 &&
    (status === undefined || /cannot \S+ (resource|path)|may not|not allowed to/.test(said) || !writes(asked.verb))
  ) {
    return forbidden(said, asked, details)
  }
  if (httpStatus === 404) return notFound(status, asked, details, target)
  if (httpStatus === 409) return conflict(status, asked, details)
  // the uid that a write is bound to is another object's by now
  if (httpStatus === 422 && status?.details?.causes?.some((one) => one.field === 'metadata.uid') === true) {
    return conflict(undefined, asked, { ...details, cause: new Refusal(409, 'Conflict') })
  }
  if (httpStatus === 429) {
    return new CassSniError('CSNI208', `the API server is overloaded: it refused to ${describe(asked)} several times`, {
      ...details,
      next: [hint('Try again in a minute.')],
    })
  }
  // a webhook's refusal and a field that the schema does not know come as 500 as well
  if (httpStatus >= 500 && !/admission webhook|failed to create typed patch object/.test(said)) {
    return new CassSniError(
      'CSNI208',
      `the API server failed to ${describe(asked)} (${httpStatus}): ${hideSecrets(said, asked)}`,
      {
        ...details,
        next: [command`kubectl ${contextFlags(target)} get --raw '/readyz?verbose'`],
      },
    )
  }
  return new CassSniError(
    'CSNI206',
    `the API server refused to ${describe(asked)}: ${reasons(status, said, asked)}`,
    details,
  )
}

type Details = { cause: Refusal; object?: string | undefined }

const writes = (verb: string) => ['create', 'update', 'patch', 'delete'].includes(verb)

function unauthorized(target: KubeTarget, cause: Refusal): CassSniError {
  const user = target.user === '' ? 'no user' : `user "${target.user}"`
  return new CassSniError(
    'CSNI202',
    `the API server ${target.server} does not accept the credentials of ${user} (context "${target.context}")`,
    {
      cause,
      next: [hint('log in again'), command`kubectl ${contextFlags(target)} auth whoami`],
    },
  )
}

function forbidden(said: string, asked: Asked, details: Details): CassSniError {
  const who = /User "([^"]*)" cannot/.exec(said)?.[1]
  // the server knows better which right it asked for: WebSockets need "create" since Kubernetes 1.35, "get" before
  const verb = /cannot (\S+) resource/.exec(said)?.[1] ?? asked.verb
  const where =
    asked.type === undefined
      ? ''
      : asked.namespace === undefined
        ? asked.type.namespaced
          ? ' in all namespaces'
          : ''
        : ` in namespace ${asked.namespace}`
  const what = asked.type === undefined ? (asked.path ?? '') : resourceName(asked)
  const name = asked.name === undefined ? '' : ` "${asked.name}"`
  const scope = asked.namespace !== undefined ? ['-n', asked.namespace] : asked.type?.namespaced === true ? ['-A'] : []
  const subresource = asked.subresource === undefined ? [] : ['--subresource', asked.subresource]
  const named = asked.name === undefined ? '' : `/${asked.name}`
  const resource =
    asked.type === undefined
      ? what
      : asked.type.group === ''
        ? asked.type.plural
        : `${asked.type.plural}.${asked.type.group}`
  return new CassSniError(
    'CSNI203',
    `${who === undefined ? 'the current user' : `user "${who}"`} may not ${verb} ${what}${name}${where}`,
    {
      ...details,
      next: [
        command`kubectl auth can-i ${verb} ${resource}${named} ${subresource} ${scope}`,
        hint(`the required ClusterRoles are in ${packageFile('docs/rights.yaml')}`),
      ],
    },
  )
}

function notFound(status: Status | undefined, asked: Asked, details: Details, target: KubeTarget): CassSniError {
  if (status?.details?.kind === 'namespaces' && status.details.name !== undefined && asked.type?.kind !== 'Namespace') {
    return new CassSniError('CSNI204', `namespace ${status.details.name} does not exist`, {
      ...details,
      next: [command`kubectl get namespaces`, command`kubectl create namespace ${status.details.name}`],
    })
  }
  if (status?.reason === 'NotFound' && status.details?.name !== undefined) {
    const { name, kind } = status.details
    // a pod's subresources may miss its node, for one
    const what = name === asked.name ? (details.object ?? name) : `${kind ?? 'object'}/${name}`
    return new CassSniError('CSNI204', `${what} does not exist`, details)
  }
  const what =
    asked.type === undefined
      ? (asked.path ?? 'this path')
      : `${asked.type.kind} (${asked.type.group === '' ? 'core' : asked.type.group}/${asked.type.version})`
  return new CassSniError('CSNI205', `the API server ${target.server} does not serve ${what}`, {
    ...details,
    next: [
      asked.type === undefined || asked.type.group === ''
        ? command`kubectl api-versions`
        : command`kubectl api-resources --api-group=${asked.type.group}`,
    ],
  })
}

function conflict(status: Status | undefined, asked: Asked, details: Details): CassSniError {
  const causes = (status?.details?.causes ?? []).filter((one) => one.reason === 'FieldManagerConflict')
  if (causes.length > 0) {
    const managers = [
      ...new Set(causes.map((one) => /conflict with "([^"]*)"/.exec(one.message ?? '')?.[1] ?? 'another manager')),
    ]
    const inNamespace = asked.namespace === undefined ? [] : ['-n', asked.namespace]
    const fields = causes.map((one) => one.field ?? '').filter((field) => field !== '')
    return new CassSniError(
      'CSNI207',
      `${managers.map((name) => `"${name}"`).join(', ')} set ${fields.join(', ')} of ` +
        `${details.object ?? 'the object'} to another value`,
      {
        ...details,
        cause: new Refusal(409, 'FieldManagerConflict'),
        next:
          asked.name === undefined || asked.type === undefined
            ? []
            : [command`kubectl get ${asked.type.plural} ${asked.name} ${inNamespace} -o yaml --show-managed-fields`],
      },
    )
  }
  return new CassSniError(
    'CSNI206',
    `the API server refused to ${describe(asked)}: it was changed by somebody else at the same time`,
    {
      ...details,
      next: [again``],
    },
  )
}

function reasons(status: Status | undefined, said: string, asked: Asked): string {
  const causes = status?.details?.causes ?? []
  if (asked.type?.kind === SECRET.kind && asked.type.group === '') {
    // the message quotes values, and these are secret
    const fields = [...new Set(causes.map((one) => one.field ?? '').filter((field) => field !== ''))]
    return fields.length > 0
      ? `its fields ${fields.join(', ')} are not valid`
      : `it is not valid (${status?.reason ?? 'no reason given'})`
  }
  if (causes.length === 0) return said
  const each = causes.map((one) =>
    [one.field, one.message].filter((part) => part !== undefined && part !== '' && part !== '<nil>').join(': '),
  )
  return shortened([...new Set(each)].join('; ')) || said
}

/** A server's words, as far as anybody reads them. */
function shortened(text: string): string {
  return text.length <= LONGEST_WORDS ? text : `${text.slice(0, LONGEST_WORDS)}…`
}

function hideSecrets(said: string, asked: Asked): string {
  return asked.type?.kind === SECRET.kind && writes(asked.verb)
    ? '(the message may quote the Secret and is not shown)'
    : said
}

/** "secret/dc1-keystore in namespace x"; undefined when no one object was asked for. */
export function objectOf(asked: Asked): string | undefined {
  if (asked.type === undefined || asked.name === undefined) return undefined
  const kind = asked.type.kind.toLowerCase()
  const named = asked.type.group === '' ? `${kind}/${asked.name}` : `${kind}.${asked.type.group}/${asked.name}`
  return asked.namespace === undefined ? named : `${named} in namespace ${asked.namespace}`
}

function describe(asked: Asked): string {
  const object = objectOf(asked)
  if (object !== undefined)
    return `${asked.verb} ${object}${asked.subresource === undefined ? '' : ` (${asked.subresource})`}`
  if (asked.type === undefined) return `${asked.verb} ${asked.path ?? ''}`
  return `${asked.verb} ${asked.type.plural}${asked.namespace === undefined ? '' : ` in namespace ${asked.namespace}`}`
}

function resourceName(asked: Asked): string {
  if (asked.type === undefined) return ''
  return (
    `${asked.type.plural}${asked.type.group === '' ? '' : `.${asked.type.group}`}` +
    `${asked.subresource === undefined ? '' : `/${asked.subresource}`}`
  )
}

/** kubectl's flag for the context that is in force. */
export function contextFlags(target: KubeTarget): string[] {
  return target.context === '' || target.context === 'in-cluster' ? [] : ['--context', target.context]
}

/** Translates an error below HTTP: no connection, no trust, no time. */
export function unreachable(error: unknown, target: KubeTarget): CassSniError {
  if (error instanceof CassSniError) return error
  const { code = '', message } = deepest(error)
  const next = [command`kubectl ${contextFlags(target)} cluster-info`]
  const where = `the API server ${target.server} (context "${target.context}")`
  if (isCertificateError(code))
    return new CassSniError('CSNI201', `the certificate of ${where} is not trusted: ${systemError(error)}`, { next })
  if (/^ERR_OSSL|^ERR_CRYPTO/.test(code)) {
    return new CassSniError(
      'CSNI103',
      `a certificate or key that the kubeconfig gives for user "${target.user}" cannot be read: ${message}`,
      {
        next: [command`kubectl config view`],
      },
    )
  }
  if (/^ERR_SSL.*ALERT/.test(code))
    return new CassSniError(
      'CSNI202',
      `${where} refused the client certificate of user "${target.user}": ${systemError(error)}`,
      {
        next,
      },
    )
  return new CassSniError('CSNI201', `${where} cannot be reached: ${systemError(error)}`, { next })
}

function deepest(error: unknown): { code?: string | undefined; message: string } {
  // several addresses were tried: the first failure speaks for all
  if (error instanceof AggregateError && error.errors.length > 0) return deepest(error.errors[0])
  if (error instanceof Error) return error as NodeJS.ErrnoException
  return { message: String(error) }
}

/** What an answer without end becomes. */
export function tooLarge(target: KubeTarget): CassSniError {
  return new CassSniError(
    'CSNI208',
    `the API server ${target.server} (context "${target.context}") answered with more than it could hold: it ` +
      'may be no API server',
    {
      next: [command`kubectl config view`],
    },
  )
}

/** What an answer becomes that no API server gives: `null`, items that are no list, a login form. It is not quoted. */
export function unexpectedAnswer(target: KubeTarget): CassSniError {
  return new CassSniError(
    'CSNI208',
    `${target.server} gave an unexpected answer, which is no object of Kubernetes: it may be no API server`,
    { next: [command`kubectl ${contextFlags(target)} get --raw /version`, command`kubectl config view`] },
  )
}
