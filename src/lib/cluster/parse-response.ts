/** Parses response bodies: what answers may be something other than an API server. */
import type { KubeTarget } from './kube.ts'
import { type ApiRequest, apiError, unexpectedResponse } from './api-errors.ts'
import type { Answer } from './transport.ts'

/** Validates a list of objects; Go encodes an empty one as null or omits it. Throws CSNI208. */
export function objectsOf<T>(list: T[] | null | undefined, target: KubeTarget): T[] {
  if (list === undefined || list === null) return []
  if (!Array.isArray(list) || list.some((one) => typeof one !== 'object' || one === null))
    throw unexpectedResponse(target)
  return list
}

/**
 * Parses the object in a response. Throws `apiError` for a status of 400 or more, and CSNI208 if the body is not an
 * object.
 */
export function parseResponse<T>(answer: Answer, request: ApiRequest, target: KubeTarget): T {
  if (answer.status >= 400) throw apiError(answer.status, answer.body, request, target)
  let value: unknown
  try {
    value = JSON.parse(answer.body)
  } catch {
    // the parser's message quotes the text, which may be a Secret
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpectedResponse(target)
  return value as T
}
