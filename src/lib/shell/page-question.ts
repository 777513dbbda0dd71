/** The question after a page of rows, and its answers. Pure. */
import type { Key } from './line-editor/key-decoder.ts'

const MORE = '--More-- (Enter or Space: next page, q: stop) '
const MORE_NARROW = '--More-- '

/** Fits on one row with the cursor. */
export function pageQuestion(columns: number): string {
  return columns > MORE.length ? MORE : MORE_NARROW
}

/**
 * Returns whether the keys ask for the next page (undefined without keys), and the keys that remain. Keys that are not
 * an answer are the next statement: they stop paging and remain.
 */
export function pageAnswer(keys: Key[]): { more: boolean | undefined; rest: Key[] } {
  const [first, ...others] = keys
  if (first === undefined) return { more: undefined, rest: [] }
  if (first.type === 'key' && first.name === 'enter') return { more: true, rest: others }
  if (first.type === 'text' && /^ +$/.test(first.text)) {
    const left = first.text.slice(1)
    return { more: true, rest: left === '' ? others : [{ type: 'text', text: left }, ...others] }
  }
  const stop = first.type === 'text' ? first.text === 'q' && others.length === 0 : first.type === 'key'
  return { more: false, rest: stop ? others : keys }
}
