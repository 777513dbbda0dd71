/** What the bodies of answers must be: anything may answer in the place of an API server. */
import type { KubeTarget } from './kube.ts'
import { type Asked, refused, unexpectedAnswer } from './refusal.ts'
import type { Answer } from './transport.ts'

/** What is to be a list of objects; Go writes an empty one as null, or leaves it out. */
export function objectsOf<T>(list: T[] | null | undefined, target: KubeTarget): T[] {
  if (list === undefined || list === null) return []
  if (!Array.isArray(list) || list.some((one) => typeof one !== 'object' || one === null))
    throw unexpectedAnswer(target)
  return list
}

/**
 * The object that an answer holds. Throws what `refused` makes of a status of 400 or more, and CSNI208 for what is
 * none.
 */
export function parseAnswer<T>(answer: Answer, asked: Asked, target: KubeTarget): T {
  if (answer.status >= 400) throw refused(answer.status, answer.body, asked, target)
  let value: unknown
  try {
    value = JSON.parse(answer.body)
  } catch {
    // the parser's message quotes the text, which may be a Secret's
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unexpectedAnswer(target)
  return value as T
}
