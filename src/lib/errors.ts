/**
 * The errors that a user sees, and the exit codes. Every layer may import this file; it imports nothing.
 * A code is never reused: a retired one stays in the registry with the word RETIRED.
 */

/**
 * Exit codes, the same for every output format.
 * 2 is what oclif and most Unix tools use for wrong usage; 124 is timeout(1)'s and cmctl's; 130 is 128 + SIGINT,
 * 143 is 128 + SIGTERM, which supervisors expect.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, timeout: 124, interrupted: 130, terminated: 143 } as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

interface Registered {
  /** What happened, in general. */
  title: string
  exit?: ExitCode
}

/**
 * All codes in order: 1xx usage, 2xx the cluster, 3xx Cassandra, 4xx certificates, 5xx Istio and routes, 6xx
 * connections, 7xx other programs, 9xx the run itself.
 */
export const ERROR_CODES = {
  CSNI101: { title: 'the command line is wrong', exit: EXIT.usage },
  CSNI102: { title: 'an answer is missing and nobody can be asked', exit: EXIT.usage },
  CSNI103: { title: 'the kubeconfig or its context cannot be used', exit: EXIT.usage },
  CSNI104: { title: 'a local file cannot be read or written', exit: EXIT.usage },
  CSNI105: { title: 'several objects fit, one must be named', exit: EXIT.usage },
  CSNI106: { title: 'a local port cannot be listened on' },
  CSNI107: { title: 'an input file does not hold what is needed', exit: EXIT.usage },
  CSNI201: { title: 'the API server cannot be reached' },
  CSNI202: { title: 'the API server does not accept the credentials' },
  CSNI203: { title: 'the user lacks a right' },
  CSNI204: { title: 'an object does not exist' },
  CSNI205: { title: 'the API server does not serve a kind of object' },
  CSNI206: { title: 'the API server refused an object' },
  CSNI207: { title: 'another field manager owns a field' },
  CSNI208: { title: 'the API server failed' },
  CSNI209: { title: 'a command could not be run in a container' },
  CSNI210: { title: 'an object of that name belongs to somebody else' },
  CSNI211: { title: 'somebody else changes the same object' },
  CSNI212: { title: 'an object is being deleted and does not go' },
  CSNI301: { title: 'there is no CassandraDatacenter' },
  CSNI302: { title: 'there is no such Cassandra node' },
  CSNI303: { title: 'the datacenter is not ready' },
  CSNI304: { title: 'the credentials cannot be read' },
  CSNI305: { title: 'cass-operator is not there' },
  CSNI306: { title: 'TLS to clients is not configured' },
  CSNI307: { title: 'a setting cannot be changed in place' },
  CSNI308: { title: 'a destructive change needs a flag of its own', exit: EXIT.usage },
  CSNI401: { title: 'the certificate authority cannot be used' },
  CSNI402: { title: 'the certificate authority has expired' },
  CSNI403: { title: 'the keystore cannot be read' },
  CSNI404: { title: 'a certificate is not served yet' },
  CSNI405: { title: 'the certificate would be too large' },
  CSNI501: { title: 'Istio is not there' },
  CSNI502: { title: 'there is no ingress gateway' },
  CSNI503: { title: 'a port of the gateway is taken' },
  CSNI504: { title: 'another route claims the same SNI name' },
  CSNI505: { title: "the namespace's injection labels contradict" },
  CSNI506: { title: 'Istio ignores the routes at this gateway' },
  CSNI507: { title: 'the gateway has not loaded the routes' },
  CSNI508: { title: "the datacenter's Service lacks the port for clients" },
  CSNI601: { title: 'no connection into the cluster' },
  CSNI602: { title: 'the certificate does not verify' },
  CSNI603: { title: 'the gateway has no route for this name' },
  CSNI604: { title: 'Cassandra refused the login' },
  CSNI605: { title: 'Cassandra refused a statement' },
  CSNI606: { title: 'the gateway has no address' },
  CSNI607: { title: 'a proxy refuses WebSockets' },
  CSNI608: { title: 'a statement timed out' },
  CSNI609: { title: 'COPY did not import every row' },
  CSNI701: { title: 'istioctl cannot be run or failed' },
  CSNI702: { title: 'kubectl or helm cannot be run or failed' },
  CSNI801: { title: 'a check failed' },
  CSNI901: { title: 'the time limit was reached', exit: EXIT.timeout },
  CSNI902: { title: 'interrupted', exit: EXIT.interrupted },
  CSNI903: { title: 'a bug in this program' },
} as const satisfies Record<string, Registered>

export type ErrorCode = keyof typeof ERROR_CODES

/**
 * What helps, as data: `cli/next-steps.ts` renders it with the connection and datacenter flags in force.
 * - a command: complete, ready to be pasted; `pipe` is the literal rest of a pipeline ("base64 -d");
 * - `again`: the command line in force with these flags in place of the ones that it had, and without those in
 *   `without`;
 * - `hint`: advice, a sentence that is not a command.
 */
export type NextStep =
  | { program: string; args: string[]; pipe?: string | undefined }
  | { again: string[]; without?: string[] | undefined }
  | { hint: string }

/** A step as it is shown: `Try:` with a command, or `Hint:`. */
export interface RenderedStep {
  label: 'Try' | 'Hint'
  text: string
}

type Interpolated = string | number | readonly string[]

/**
 * A complete command: command`kubectl get pods -n ${namespace}`. The literal text is split at blanks and line breaks (a
 * pair of single quotes keeps one word together), an interpolation is one word or a part of one whatever it contains,
 * an array is several words. Text after a literal " | " is the rest of a pipeline.
 */
export function command(literals: TemplateStringsArray, ...values: Interpolated[]): NextStep {
  const { words, rest } = wordsOf(literals, values)
  const [program = '', ...args] = words
  return rest === undefined ? { program, args } : { program, args, pipe: rest }
}

/** The command line in force with these flags: again`--node ${pod}`. */
export function again(literals: TemplateStringsArray, ...values: Interpolated[]): NextStep {
  return { again: wordsOf(literals, values).words }
}

/** The command line in force without these flags: againWithout('port'). */
export function againWithout(...flags: string[]): NextStep {
  return { again: [], without: flags }
}

/** Advice that is not a command: a sentence without a final period. */
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
  /** The object concerned, as kubectl names it: "secret/dc1-keystore in namespace cass-operator". */
  object?: string | undefined
  /** What to do next, the best first. */
  next?: NextStep[] | undefined
  cause?: unknown
}

/**
 * An error that is told to the user: what happened, to which object, why, and the command that helps.
 * Neither the message nor the details may hold a secret.
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

/** The error itself when it is ours, else a CSNI903 around it: nothing foreign passes the border unmarked. */
export function asCassSniError(error: unknown): CassSniError {
  if (error instanceof CassSniError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new CassSniError('CSNI903', message, { cause: error })
}

/** Throws the signal's reason when it is aborted: the reason is a CSNI901 or CSNI902. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw asCassSniError(signal.reason)
}
