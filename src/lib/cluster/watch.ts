/** One watch: the events that the API server sends, line by line, until it closes the response. */
import { CassSniError, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import type { KubeObject, WatchEvent } from './kube.ts'
import { type ApiRequest, apiError, tooLarge, unexpectedResponse, unreachable } from './api-errors.ts'
import type { Call, Transport } from './transport.ts'

/** Shorter than the server's own limit, at random so that many watches do not end together (client-go reflector.go). */
const SHORTEST_S = 300
const LONGEST_S = 600
/** Bookmarks come about once a minute (kubernetes/kubernetes staging/src/k8s.io/apiserver pkg/storage/cacher). */
const SILENCE_MS = 120_000
/** etcd takes objects of 1.5 MiB; JSON of a server makes more of it. Characters. */
const LONGEST_LINE = 16 * 1024 * 1024
/** Of a refusal. Characters. */
const LONGEST_REFUSAL = 64 * 1024

export interface WatchTiming {
  /** How long the server may send nothing, in ms. */
  silenceMs?: number | undefined
}

/** See `Follower.watch`. */
export async function* watchEvents<T extends KubeObject>(
  transport: Transport,
  call: Call,
  request: ApiRequest,
  signal: AbortSignal,
  { silenceMs = SILENCE_MS }: WatchTiming = {},
): AsyncGenerator<WatchEvent<T>> {
  const { target } = transport
  const timeoutSeconds = Math.round(SHORTEST_S + Math.random() * (LONGEST_S - SHORTEST_S))
  const query = { ...call.query, timeoutSeconds: String(timeoutSeconds) }
  const failure = (error: unknown) => {
    throwIfAborted(signal)
    return unreachable(error, target)
  }
  const { body, status } = await transport.stream({ ...call, query }, signal).catch((error: unknown) => {
    throw failure(error)
  })
  const silent = () =>
    body.destroy(
      new CassSniError('CSNI201', `the API server ${target.server} sent nothing for ${durationText(silenceMs)}`, {}),
    )
  let timer = setTimeout(silent, silenceMs)
  try {
    if (status >= 400) throw apiError(status, await textOf(body), request, target)
    yield { type: 'ACCEPTED' }
    for await (const line of linesOf(body, () => tooLarge(target))) {
      clearTimeout(timer)
      timer = setTimeout(silent, silenceMs)
      yield eventOf<T>(line, request, target)
    }
  } catch (error) {
    throw failure(error)
  } finally {
    clearTimeout(timer)
    body.destroy()
  }
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = ''
  for await (const part of body) {
    text += part.toString('utf8')
    if (text.length > LONGEST_REFUSAL) break
  }
  return text
}

async function* linesOf(body: AsyncIterable<Buffer>, tooLong: () => Error): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of body) {
    rest += decoder.decode(part, { stream: true })
    let start = 0
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
      if (end > start) yield rest.slice(start, end)
      start = end + 1
    }
    rest = rest.slice(start)
    if (rest.length > LONGEST_LINE) throw tooLong()
  }
}

interface RawEvent<T> {
  type?: unknown
  object?: (T & { code?: number }) | null
}

function eventOf<T extends KubeObject>(line: string, request: ApiRequest, target: Transport['target']): WatchEvent<T> {
  let event: RawEvent<T>
  try {
    event = JSON.parse(line)
  } catch {
    throw unexpectedResponse(target)
  }
  const { type, object } = event
  if (typeof object !== 'object' || object === null) throw unexpectedResponse(target)
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (typeof object.metadata?.name !== 'string') throw unexpectedResponse(target)
      return { type, object }
    case 'BOOKMARK':
      return { type, resourceVersion: object.metadata?.resourceVersion ?? '' }
    case 'ERROR':
      throw apiError(object.code ?? 500, JSON.stringify(object), request, target)
    default:
      throw unexpectedResponse(target)
  }
}
