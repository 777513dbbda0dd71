/**
 * Error codes and exit codes. Every layer may import this file; it imports nothing.
 * A code is never reused: a retired one stays in the registry with the word RETIRED in its title.
 */

/**
 * Exit codes, the same for every output format.
 * 2 is the usage error of oclif and most Unix tools; 124 is that of timeout(1) and cmctl; 130 is 128 + SIGINT, 143 is
 * 128 + SIGTERM, as supervisors expect.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, timeout: 124, interrupted: 130, terminated: 143 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

interface Registered {
  /** The kind of failure, in a few words. */
  title: string
  exit?: ExitCode
}

/**
 * All codes in order: 1xx usage, 2xx the cluster, 3xx Cassandra, 4xx certificates, 5xx Istio and routes, 6xx
 * connections, 7xx other programs, 8xx checks, 9xx the run.
 */
export const ERROR_CODES = {
  CSNI101: { title: 'invalid command line', exit: EXIT.usage },
  CSNI102: { title: 'required input is missing', exit: EXIT.usage },
  CSNI103: { title: 'invalid kubeconfig or context', exit: EXIT.usage },
  CSNI104: { title: 'cannot read or write a local file', exit: EXIT.usage },
  CSNI105: { title: 'more than one match', exit: EXIT.usage },
  CSNI106: { title: 'cannot listen on a local port' },
  CSNI107: { title: 'invalid input file', exit: EXIT.usage },
  CSNI201: { title: 'API server unreachable' },
  CSNI202: { title: 'API server rejected the credentials' },
  CSNI203: { title: 'permission denied' },
  CSNI204: { title: 'object not found' },
  CSNI205: { title: 'resource type not installed' },
  CSNI206: { title: 'API server rejected an object' },
  CSNI207: { title: 'field owned by another field manager' },
  CSNI208: { title: 'API server error' },
  CSNI209: { title: 'cannot run a command in a container' },
  CSNI210: { title: 'object is not managed by kubectl-cass-sni' },
  CSNI211: { title: 'object was modified concurrently' },
  CSNI212: { title: 'object is still being deleted' },
  CSNI213: { title: 'object is too large' },
  CSNI301: { title: 'CassandraDatacenter not found' },
  CSNI302: { title: 'Cassandra node not found' },
  CSNI303: { title: 'datacenter is not ready' },
  CSNI304: { title: 'cannot read the credentials' },
  CSNI305: { title: 'cass-operator is not installed' },
  CSNI306: { title: 'client TLS is not configured' },
  CSNI307: { title: 'setting is immutable' },
  CSNI308: { title: 'destructive change requires a flag', exit: EXIT.usage },
  CSNI401: { title: 'invalid certificate authority' },
  CSNI402: { title: 'certificate authority has expired' },
  CSNI403: { title: 'cannot read the keystore' },
  CSNI404: { title: 'certificate is not served yet' },
  CSNI405: { title: 'certificate is too large' },
  CSNI406: { title: 'cert-manager issuer cannot be used' },
  CSNI407: { title: 'cert-manager did not issue the certificate' },
  CSNI501: { title: 'Istio is not installed' },
  CSNI502: { title: 'ingress gateway not found' },
  CSNI503: { title: 'gateway port is already in use' },
  CSNI504: { title: 'SNI name is claimed by another route' },
  CSNI505: { title: 'conflicting injection labels' },
  CSNI506: { title: 'Istio ignores routes at this gateway' },
  CSNI507: { title: 'gateway has not loaded the routes' },
  CSNI508: { title: 'datacenter Service lacks the CQL port' },
  CSNI509: { title: 'Gateway API is missing or not supported' },
  CSNI510: { title: 'Gateway does not accept the routes' },
  CSNI511: { title: 'routes controller is not ready' },
  CSNI512: { title: 'gateway port is denied by an AuthorizationPolicy' },
  CSNI513: { title: 'host ID is routed to two datacenters' },
  CSNI514: { title: 'routes controller would create the routes again' },
  CSNI601: { title: 'gateway unreachable' },
  CSNI602: { title: 'certificate verification failed' },
  CSNI603: { title: 'gateway has no route for the name' },
  CSNI604: { title: 'Cassandra rejected the login' },
  CSNI605: { title: 'Cassandra rejected a statement' },
  CSNI606: { title: 'gateway has no address' },
  CSNI607: { title: 'proxy rejects WebSockets' },
  CSNI608: { title: 'statement timed out' },
  CSNI609: { title: 'COPY did not import every row' },
  CSNI610: { title: 'client certificate is missing or rejected' },
  CSNI611: { title: 'metadata service does not respond' },
  CSNI701: { title: 'istioctl not found or failed' },
  CSNI702: { title: 'kubectl or helm not found or failed' },
  CSNI703: { title: 'program not found or not executable' },
  CSNI801: { title: 'check failed' },
  CSNI901: { title: 'timed out', exit: EXIT.timeout },
  CSNI902: { title: 'interrupted', exit: EXIT.interrupted },
  CSNI903: { title: 'internal error' },
} as const satisfies Record<string, Registered>

export type ErrorCode = keyof typeof ERROR_CODES

/**
 * A next step as data: `cli/next-steps.ts` renders it with the connection and datacenter flags in force.
 * - a command: complete, ready to paste; `pipe` is the literal rest of a pipeline ("base64 -d");
 * - `again`: the current command line with these flags added or replaced, without the flags in `without`, and with the
 *   words of `program` first after "--";
 * - `hint`: advice that is not a command.
 */
export type NextStep =
  | { program: string; args: string[]; pipe?: string | undefined }
  | { again: string[]; without?: string[] | undefined; program?: string[] | undefined }
  | { hint: string }

/** A step as text: `Try:` with a command, or `Hint:` with advice. */
export interface RenderedStep {
  label: 'Try' | 'Hint'
  text: string
}

type Interpolated = string | number | readonly string[]

/**
 * A complete command: command`kubectl get pods -n ${namespace}`. The literal text is split at white space, except
 * between single quotes. An interpolation is one word or part of one, whatever it contains; an array is several words.
 * Text after a literal " | " is the rest of a pipeline.
 */
export function command(literals: TemplateStringsArray, ...values: Interpolated[]): NextStep {
  const { words, rest } = wordsOf(literals, values)
  const [program = '', ...args] = words
  return rest === undefined ? { program, args } : { program, args, pipe: rest }
}

/** The current command line with these flags: again`--node ${pod}`. */
export function again(literals: TemplateStringsArray, ...values: Interpolated[]): NextStep {
  return { again: wordsOf(literals, values).words }
}

/** The current command line without these flags: againWithout('port'). */
export function againWithout(...flags: string[]): NextStep {
  return { again: [], without: flags }
}

/** Advice that is not a command, without a final period. */
export function hint(text: string): NextStep {
  return { hint: text }
}

function wordsOf(literals: TemplateStringsArray, values: Interpolated[]): { words: string[]; rest?: string } {
  const words: string[] = []
  let word: string | undefined
  let quoted = false
  const end = () => {
    if (word !== undefined) words.push(word)
    word = undefined
  }
  for (const [index, literal] of literals.raw.entries()) {
    for (const [at, character] of [...literal].entries()) {
      if (character === '|' && !quoted && word === undefined) {
        return { words, rest: literal.slice(at + 1).trim() }
      }
      if (character === "'") {
        quoted = !quoted
        word ??= ''
      } else if (/\s/.test(character) && !quoted) end()
      else word = (word ?? '') + character
    }
    if (index >= values.length) continue
    const value = values[index]
    if (Array.isArray(value)) {
      end()
      words.push(...value)
    } else word = (word ?? '') + String(value)
  }
  end()
  return { words }
}

export interface ErrorDetails {
  /** The affected object, as kubectl names it: "secret/dc1-keystore in namespace cass-operator". */
  object?: string | undefined
  /** What to do next, the best first. */
  next?: NextStep[] | undefined
  cause?: unknown
}

/**
 * An error reported to the user: the object, the problem, its cause, and next steps.
 * Neither the message nor the details may contain a secret.
 */
export class CassSniError extends Error {
  override readonly name = 'CassSniError'
  readonly code: ErrorCode
  readonly object: string | undefined
  readonly next: NextStep[]

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.object = details.object
    this.next = [...(details.next ?? [])]
  }

  get exitCode(): ExitCode {
    const registered: Registered = ERROR_CODES[this.code]
    return registered.exit ?? EXIT.failed
  }
}

/** Returns a CassSniError unchanged and wraps any other error as a CSNI903. */
export function asCassSniError(error: unknown): CassSniError {
  if (error instanceof CassSniError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new CassSniError('CSNI903', message, { cause: error })
}

/** Throws the signal's reason when it is aborted: the reason is a CSNI901 or CSNI902. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw asCassSniError(signal.reason)
}
