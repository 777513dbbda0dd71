/**
 * The errors that a user sees, and the exit codes. Every room may import this file; it imports nothing.
 * A code is never reused: a retired one stays in the registry with the word RETIRED.
 */

/**
 * Exit codes, the same for every output format.
 * 2 is what oclif and most Unix tools use for wrong usage; 124 is timeout(1)'s and cmctl's; 130 is 128 + SIGINT.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, timeout: 124, interrupted: 130 } as const

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
  CSNI301: { title: 'there is no CassandraDatacenter' },
  CSNI302: { title: 'there is no such Cassandra node' },
  CSNI303: { title: 'the datacenter is not ready' },
  CSNI304: { title: 'the credentials cannot be read' },
  CSNI305: { title: 'cass-operator is not there' },
  CSNI306: { title: 'TLS to clients is not configured' },
  CSNI307: { title: 'a setting cannot be changed in place' },
  CSNI401: { title: 'the certificate authority cannot be used' },
  CSNI402: { title: 'the certificate authority has expired' },
  CSNI403: { title: 'the keystore cannot be read' },
  CSNI404: { title: 'a certificate is not served yet' },
  CSNI501: { title: 'Istio is not there' },
  CSNI502: { title: 'there is no ingress gateway' },
  CSNI503: { title: 'a port of the gateway is taken' },
  CSNI504: { title: 'another route claims the same SNI name' },
  CSNI601: { title: 'no connection into the cluster' },
  CSNI602: { title: 'the certificate does not verify' },
  CSNI603: { title: 'the gateway has no route for this name' },
  CSNI604: { title: 'Cassandra refused the login' },
  CSNI605: { title: 'Cassandra refused a statement' },
  CSNI606: { title: 'the gateway has no address' },
  CSNI701: { title: 'istioctl cannot be run or failed' },
  CSNI702: { title: 'kubectl or helm cannot be run or failed' },
  CSNI801: { title: 'a check failed' },
  CSNI901: { title: 'the time limit was reached', exit: EXIT.timeout },
  CSNI902: { title: 'interrupted', exit: EXIT.interrupted },
  CSNI903: { title: 'a bug in this program' },
} as const satisfies Record<string, Registered>

export type ErrorCode = keyof typeof ERROR_CODES

export interface ErrorDetails {
  /** The object concerned, as kubectl names it: "secret/dc1-keystore in namespace cass-operator". */
  object?: string
  /** What to do next: whole sentences or commands, the best first. */
  next?: string[]
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
  readonly next: string[]

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

/** Why a file cannot be read or written, for people: of what Node throws, without its call and without the path. */
export function fileTrouble(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const known: Record<string, string> = {
    ENOENT: 'there is no such file or folder',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is no folder',
    EACCES: 'you have no right to',
    EPERM: 'you have no right to',
    EROFS: 'it is on a file system that can only be read',
    ENOSPC: 'the disk is full',
  }
  return known[code ?? ''] ?? message.replace(/^[A-Z]+: /, '').replace(/, \w+( '.*')?$/s, '')
}

/** Throws the signal's reason when it is aborted: the reason is a CSNI901 or CSNI902. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw asCassSniError(signal.reason)
}

/**
 * A command for `next` that can be pasted into a POSIX shell whatever is in it: names of objects, contexts and files
 * stand in it as one
 * word each, those of an array as several. Literal text is left as it is.
 */
export function shell(literals: TemplateStringsArray, ...words: (string | number | readonly string[])[]): string {
  return String.raw(
    { raw: literals },
    ...words.map((word) => (Array.isArray(word) ? word.map(shellWord).join(' ') : shellWord(String(word)))),
  )
}

/**
 * One word of a POSIX shell, quoted unless it is harmless (POSIX.1 Shell Command Language 2.2.2). Control characters
 * are left out, for the
 * border of the output takes them out later, and could take a quote along (as a part of an escape sequence).
 */
export function shellWord(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '')
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(clean) ? clean : `'${clean.replaceAll("'", `'\\''`)}'`
}
