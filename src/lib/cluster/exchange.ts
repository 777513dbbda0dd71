/** One HTTP request and its complete response, within limits of time and size. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { CassSniError, command, hint } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import type { KubeTarget } from './kube.ts'
import { contextFlags, tooLarge } from './api-errors.ts'
import { warningTexts } from './server-warnings.ts'

/**
 * Time limit for TCP, TLS and proxy together. client-go allows 30 s for TCP alone (rest/config.go).
 */
const CONNECT_MS = 30_000

export interface FullAnswer {
  status: number
  body: string
  retryAfterMs: number | undefined
  /** Texts of the `Warning:` headers. */
  warnings: string[]
  date: string | undefined
}

/** A response whose body is a stream without an end. */
export interface OpenResponse {
  status: number
  retryAfterMs: number | undefined
  body: IncomingMessage
}

/**
 * Sends a request without a body and resolves with the headers of the response. Rejects with CSNI201 after the time
 * limit, and with the error of the connection otherwise.
 */
export function openResponse(request: ClientRequest, limits: Omit<Limits, 'largest'>): Promise<OpenResponse> {
  return new Promise((resolve, reject) => {
    const finish = limitTime(request, limits)
    request.once('error', (error) => {
      finish()
      reject(error)
    })
    request.once('response', (body) => {
      finish()
      // the reader of the body handles its errors
      body.once('error', () => undefined)
      resolve({ status: body.statusCode ?? 0, retryAfterMs: waitOf(body.headers['retry-after']), body })
    })
    request.end()
  })
}

export interface Limits {
  /** 0: no limit. */
  timeoutMs: number
  /** Size limit of the response, in characters. */
  largest: number
  target: KubeTarget
  proxy: URL | undefined
}

/**
 * Sends a request and reads the response. Rejects with CSNI201 or CSNI208 when a limit is exceeded, otherwise with the
 * connection's own error.
 */
export function exchange(
  request: ClientRequest,
  body: Buffer | undefined,
  { timeoutMs, largest, target, proxy }: Limits,
): Promise<FullAnswer> {
  return new Promise((resolve, reject) => {
    const finish = limitTime(request, { timeoutMs, target, proxy })
    const fail = (error: Error) => {
      finish()
      reject(error)
    }
    request.once('error', fail)
    request.once('response', (response) => {
      const tooMuch = () => {
        fail(tooLarge(target))
        request.destroy()
      }
      read(response, largest, tooMuch).then((text) => {
        finish()
        const { warning, date, 'retry-after': retryAfter } = response.headers
        resolve({
          status: response.statusCode ?? 0,
          body: text,
          retryAfterMs: waitOf(retryAfter),
          warnings: warningTexts(warning),
          date,
        })
      }, fail)
    })
    request.end(body)
  })
}

/**
 * Destroys the request with CSNI201 if connecting or the whole request takes too long. Returns a function that
 * cancels both limits.
 */
function limitTime(request: ClientRequest, { timeoutMs, target, proxy }: Omit<Limits, 'largest'>): () => void {
  const late = (ms: number) => () => {
    const where = `the API server ${target.server} (context "${target.context}")`
    const next = [command`kubectl ${contextFlags(target)} cluster-info`, hint('allow more time with --request-timeout')]
    request.destroy(new CassSniError('CSNI201', `${where} did not respond within ${durationText(ms)}`, { next }))
  }
  const connectMs = timeoutMs === 0 ? CONNECT_MS : Math.min(CONNECT_MS, timeoutMs)
  const connecting = setTimeout(late(connectMs), connectMs)
  const overall = timeoutMs === 0 ? undefined : setTimeout(late(timeoutMs), timeoutMs)
  const connected = () => clearTimeout(connecting)
  request.once('socket', (socket: Socket & { secureConnecting?: boolean }) => {
    if (socket.secureConnecting === true) socket.once('secureConnect', connected)
    else if (socket.connecting) socket.once('connect', connected)
    else connected()
  })
  request.once('proxyConnect', ({ statusCode }: { statusCode: number }) => {
    if (statusCode !== 200) request.destroy(refusedByProxy(proxy, statusCode, target))
  })
  request.once('response', connected)
  return () => {
    clearTimeout(overall)
    clearTimeout(connecting)
  }
}

/** By events: an iterator would take as long again as the rest of the exchange. */
function read(response: IncomingMessage, largest: number, tooMuch: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const body = decoded(response).setEncoding('utf8')
    body.on('data', (part: string) => {
      if (text.length + part.length > largest) tooMuch()
      else text += part
    })
    body.once('end', () => resolve(text))
    body.once('error', reject)
  })
}

function decoded(response: IncomingMessage): Readable {
  if (response.headers['content-encoding'] !== 'gzip') return response
  // loaded only where it is used
  const plain = process.getBuiltinModule('node:zlib').createGunzip()
  response.once('error', (error) => plain.destroy(error))
  return response.pipe(plain)
}

/** The wait in ms from a Retry-After header: seconds or a date (RFC 9110 §10.2.3). */
function waitOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const seconds = Number(header)
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

function refusedByProxy(proxy: URL | undefined, status: number, { server, context }: KubeTarget): CassSniError {
  const why = status === 407 ? 'proxy authentication required' : `HTTP ${status}`
  return new CassSniError(
    'CSNI201',
    `cannot reach the API server ${server} (context "${context}"): refused by proxy ${proxy?.host} (${why})`,
    { next: [command`kubectl config view`, hint('check HTTPS_PROXY and NO_PROXY')] },
  )
}
