/** Collections, tuples and UDTs as text: "[1, 2]", "{'a': 1}", "(1, null)", as cqlsh splits them. */

const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']', '(': ')' }

/**
 * The elements between the outermost brackets, with their blanks. Which brackets these are does not matter, as in
 * cqlsh. Throws RangeError when the text is not in brackets, or a bracket or quote is not closed.
 */
export function compositeParts(text: string): string[] {
  const whole = text.trim()
  const closing = CLOSING[whole.charAt(0)]
  if (whole.length < 2 || closing === undefined || !whole.endsWith(closing))
    throw new RangeError(`"${text}" is not enclosed in matching brackets`)
  const inner = whole.slice(1, -1)
  const parts: string[] = []
  let start = 0
  eachSeparator(inner, ',', (at) => {
    parts.push(inner.slice(start, at))
    start = at + 1
  })
  const last = inner.slice(start)
  if (last.trim() !== '' || parts.length > 0) parts.push(last)
  return parts
}

/** A map's or UDT's entry cut at its first colon: times without quotes hold more of them. */
export function keyAndValue(entry: string): { key: string; value: string } {
  let colon: number | undefined
  eachSeparator(entry, ':', (at) => {
    colon ??= at
  })
  if (colon === undefined) throw new RangeError(`"${entry}" has no colon`)
  return { key: entry.slice(0, colon), value: entry.slice(colon + 1) }
}

/** An element without its blanks and single quotes. */
export function unquoted(part: string): { text: string; quoted: boolean } {
  const text = part.trim()
  if (text.length < 2 || !text.startsWith("'") || !text.endsWith("'")) return { text, quoted: false }
  return { text: text.slice(1, -1).replaceAll("''", "'"), quoted: true }
}

/** Calls back with each place of a separator that is in no brackets and no quotes. */
function eachSeparator(text: string, separator: string, found: (at: number) => void): void {
  const open: string[] = []
  let quoted = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === "'") quoted = !quoted
    else if (quoted) continue
    else if (character === separator && open.length === 0) found(at)
    else if (CLOSING[character] !== undefined) open.push(CLOSING[character])
    else if (character === '}' || character === ']' || character === ')') {
      if (open.pop() !== character) throw new RangeError(`"${text}" has unmatched brackets`)
    }
  }
  if (quoted || open.length > 0) throw new RangeError(`"${text}" has an unclosed quote or bracket`)
}
