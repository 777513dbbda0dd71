/** Text inside JSON and YAML, harmless also for a terminal that shows the document. */
import { replaceUnsafe } from './untrusted.ts'

/** JSON or YAML text in which nothing is left that a terminal would obey or hide. Line feeds are its layout. */
export function escaped(text: string, format: 'json' | 'yaml' = 'json'): string {
  return replaceUnsafe(
    text,
    (character) => {
      const hex = (character.codePointAt(0) ?? 0).toString(16)
      if (hex.length > 4 && format === 'yaml') return `\\U${hex.padStart(8, '0')}`
      // JSON has escapes for UTF-16 units only.
      return Array.from({ length: character.length }, (_, at) => unitEscape(character.charCodeAt(at))).join('')
    },
    '\n',
  )
}

const unitEscape = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`

const PLAIN = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/

/** A text as a JSON string, in double quotes; YAML reads it as well. */
export function quotedText(text: string, format: 'json' | 'yaml' = 'json'): string {
  return PLAIN.test(text) ? `"${text}"` : escaped(JSON.stringify(text), format)
}
