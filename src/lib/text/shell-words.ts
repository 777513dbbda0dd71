/** Quoting for POSIX shells. */
import { replaceUnsafe } from './untrusted.ts'

/**
 * Quotes one word if necessary (POSIX.1 Shell Command Language 2.2.2). Control characters are removed: the output
 * strips them later and could strip a quote with them (as part of an escape sequence).
 */
export function shellWord(text: string): string {
  return shellValue(replaceUnsafe(text, () => ''))
}

/**
 * Quotes an arbitrary value of a shell variable, such as a password, without removing control characters. NUL is
 * removed, as environment variables cannot contain it.
 */
export function shellValue(text: string): string {
  const clean = text.replaceAll('\0', '')
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(clean) ? clean : `'${clean.replaceAll("'", `'\\''`)}'`
}

/** Joins words into a command that can be pasted into a POSIX shell. */
export function shellText(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}

/**
 * Formats a command within a text: shell`kubectl get pods -n ${namespace}`. Each interpolation is one word, an array
 * several; literal text is not changed.
 */
export function shell(literals: TemplateStringsArray, ...words: (string | number | readonly string[])[]): string {
  return String.raw(
    { raw: literals },
    ...words.map((word) => (Array.isArray(word) ? shellText(word) : shellWord(String(word)))),
  )
}
