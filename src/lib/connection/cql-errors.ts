/** Translates errors of the driver, TLS and Cassandra into CassSniErrors without stack traces or secrets. */
import { CassSniError, command, type ErrorCode, hint, type NextStep } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import { isCertificateError, systemError } from '../text/system-errors.ts'
import { certificateAlert, certificateRejected } from './client-identity.ts'

/** Position of an error in a statement, counted from 1; `end` is after the last character. */
export type StatementPosition = { line: number; column: number } | 'end'

/** Cassandra rejected a statement. */
export class CqlStatementError extends CassSniError {
  /** Cassandra's position, counted from 1; undefined if it reported none. */
  readonly position: StatementPosition | undefined

  constructor(message: string, position: StatementPosition | undefined, cause?: unknown, next: NextStep[] = []) {
    super('CSNI605', message, { cause, next })
    this.position = position
  }
}

/** Invalid: the message needs no further words. */
const INVALID = 0x2200

/** The other error codes of the native protocol; apache/cassandra doc/native_protocol_v4.spec §9. */
const RESPONSE_ERRORS: ReadonlyMap<number, string> = new Map([
  [0x0000, 'server error'],
  [0x000a, 'protocol error'],
  [0x0100, 'login rejected'],
  [0x1000, 'not enough live replicas'],
  [0x1001, 'node overloaded'],
  [0x1002, 'node is starting'],
  [0x1003, 'truncate failed'],
  [0x1100, 'write timed out'],
  [0x1200, 'read timed out'],
  [0x1300, 'read failed'],
  [0x1400, 'function failed'],
  [0x1500, 'write failed'],
  [0x2000, 'syntax error'],
  [0x2100, 'permission denied'],
  [0x2300, 'invalid configuration'],
  [0x2400, 'already exists'],
  [0x2500, 'not prepared'],
])

/**
 * Translates an error response of Cassandra. ANTLR's "line 1:7" counts columns from 0; "line 0:-1" is the end of a
 * statement that is incomplete.
 */
export function statementError(code: number, message: string, cause?: unknown): CassSniError {
  if (code === 0x0100) return loginError(message, cause)
  const match = /^line (\d+):(-1|\d+) (.*)$/s.exec(message)
  const position = match === null ? undefined : positionOf(Number(match[1]), Number(match[2]))
  const text = match?.[3] ?? message
  const kind = code === INVALID ? '' : `${RESPONSE_ERRORS.get(code) ?? `error 0x${code.toString(16)}`}: `
  return new CqlStatementError(`${kind}${text}`, position, cause)
}

function positionOf(line: number, column: number): StatementPosition {
  return line === 0 || column === -1 ? 'end' : { line, column: column + 1 }
}

/** Returns CSNI604 for a rejected login. */
export function loginError(message: string, cause?: unknown): CassSniError {
  return new CassSniError('CSNI604', `Cassandra rejected the login: ${message}`, {
    cause,
    next: [
      hint(
        'the default is the superuser; with --username the password is read from CASS_SNI_PASSWORD, ' +
          '--password-stdin or a prompt',
      ),
    ],
  })
}

/** Returns CSNI608 for a statement without a response within `ms`; connection and statement may still be alive. */
export function statementTimeout(ms: number, cause: unknown): CassSniError {
  return new CassSniError('CSNI608', `statement timed out after ${durationText(ms)}; it may still be running`, {
    cause,
    next: [hint('raise the limit with --statement-timeout (0: no limit)')],
  })
}

interface DriverError {
  name?: string
  code?: unknown
  message: string
  innerError?: unknown
  innerErrors?: Record<string, unknown>
}

function asDriverError(error: unknown): DriverError {
  return error instanceof Error ? (error as Error & DriverError) : { message: String(error) }
}

/** Codes from most to least specific: of several nodes' errors, the most specific one is reported. */
const BY_SPECIFICITY: ErrorCode[] = [
  'CSNI604',
  'CSNI610',
  'CSNI602',
  'CSNI605',
  'CSNI607',
  'CSNI203',
  'CSNI603',
  'CSNI601',
]

/** The node, not the gateway, closed the connection: something was received before. */
export class ClosedConnectionError extends CassSniError {}

/** Returns the error for a connection closed by the remote end after `received` bytes from it. */
export function closedConnection(serverName: string, received: number): CassSniError {
  const next = [command`kubectl cass-sni routes sync`, command`kubectl cass-sni verify`]
  return received === 0
    ? new CassSniError(
        'CSNI603',
        `connection for SNI name ${serverName} closed before the TLS handshake: no route for this name, or the node ` +
          'is down',
        { next },
      )
    : new ClosedConnectionError('CSNI601', `connection for SNI name ${serverName} closed by the remote end`, {
        next: next.slice(1),
      })
}

/** Translates the error of a connection or connection attempt for an SNI name. */
export function connectionError(error: unknown, serverName: string): CassSniError {
  if (error instanceof CassSniError) return error
  const { name, code, message, innerError, innerErrors } = asDriverError(error)
  if (name === 'NoHostAvailableError') return severalErrors(innerErrors ?? {}, serverName)
  if (name === 'AuthenticationError') return loginError(message, error)
  if (name === 'ResponseError' && typeof code === 'number') return statementError(code, message, error)
  if (isCertificateError(code)) {
    return new CassSniError('CSNI602', `certificate verification failed for ${serverName}: ${systemError(error)}`, {
      cause: error,
      next: [command`kubectl cass-sni certs`],
    })
  }
  const alert = certificateAlert(code)
  if (alert !== undefined) return certificateRejected(serverName, alert, error)
  // The driver's "Socket was closed" wraps the error of the stream.
  if (innerError !== undefined) return connectionError(innerError, serverName)
  // Node's codes for a connection closed during the handshake.
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE')
    return closedConnection(serverName, 0)
  // The driver's message contains an address that was never dialed.
  const reason = name === 'OperationTimedOutError' ? 'timed out' : systemError(error)
  return new CassSniError('CSNI601', `cannot connect to node ${serverName}: ${reason}`, {
    cause: error,
    next: [command`kubectl cass-sni verify`],
  })
}

/**
 * True for a statement that was sent nowhere, because connections to all nodes broke before and have not been opened
 * again (apache/cassandra-nodejs-driver lib/request-handler.js, `getNextConnection`).
 */
export function isDown(error: unknown): boolean {
  const { name, innerErrors = {} } = asDriverError(error)
  return (
    name === 'NoHostAvailableError' && Object.values(innerErrors).every((inner) => inner === 'Host considered as DOWN')
  )
}

/** The same as an error. @param failure why the latest connection broke or could not be opened, if that is known */
export function downError(serverName: string, failure: Error | undefined): CassSniError {
  if (failure !== undefined) return connectionError(failure, serverName)
  return new CassSniError('CSNI601', `no connection to node ${serverName}; reconnecting`, {
    next: [command`kubectl cass-sni verify`],
  })
}

function severalErrors(innerErrors: Record<string, unknown>, serverName: string): CassSniError {
  // Keys are the driver's names for nodes: SNI names until it has found the first node, addresses later.
  const errors = Object.values(innerErrors).map((error) => connectionError(error, serverName))
  const rank = ({ code }: CassSniError): number =>
    BY_SPECIFICITY.includes(code) ? BY_SPECIFICITY.indexOf(code) : BY_SPECIFICITY.length
  errors.sort((a, b) => rank(a) - rank(b))
  return errors[0] ?? connectionError(new Error('no node is up'), serverName)
}

/** Codes after which the same statement may succeed later. After the first three it is known not to be executed. */
const NOT_EXECUTED = [0x1000, 0x1001, 0x1002]
const TRANSIENT = [...NOT_EXECUTED, 0x0000, 0x1100, 0x1200, 0x1300, 0x1500]
const UNAUTHORIZED = 0x2100

export interface StatementFailure {
  /**
   * `refused` by Cassandra for what it is, `forbidden` for this role, `transient`: it may succeed later, `lost`: no
   * answer, or no connection.
   */
  kind: 'refused' | 'forbidden' | 'transient' | 'lost'
  /** It may have been executed. */
  maybeApplied: boolean
}

/** Classifies an error of a statement with regard to retries. */
export function statementFailure(error: CassSniError): StatementFailure {
  if (error.code === 'CSNI608') return { kind: 'transient', maybeApplied: true }
  if (!(error instanceof CqlStatementError)) return { kind: 'lost', maybeApplied: true }
  const code = Number(asDriverError(error.cause).code)
  if (code === UNAUTHORIZED) return { kind: 'forbidden', maybeApplied: false }
  if (!TRANSIENT.includes(code)) return { kind: 'refused', maybeApplied: false }
  return { kind: 'transient', maybeApplied: !NOT_EXECUTED.includes(code) }
}
