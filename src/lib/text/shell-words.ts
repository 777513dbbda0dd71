/** Words of a POSIX shell. */
import { replaceUnsafe } from './untrusted.ts'

/**
 * One word of a POSIX shell, quoted unless it is harmless (POSIX.1 Shell Command Language 2.2.2). Control characters
 * are left out: the output removes them later, and could remove a quote along with them (as a part of an escape
 * sequence).
 */
export function shellWord(text: string): string {
  return shellValue(replaceUnsafe(text, () => ''))
}

/**
 * A value of a shell variable, whatever it holds, a password for instance: single quotes hold everything but
 * themselves. A NUL cannot be in an environment variable at all and is left out.
 */
export function shellValue(text: string): string {
  const clean = text.replaceAll('\0', '')
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(clean) ? clean : `'${clean.replaceAll("'", `'\\''`)}'`
}

/** A command as text that can be pasted into a POSIX shell. */
export function shellText(words: readonly string[]): string {
  return words.map(shellWord).join(' ')
}

/**
 * A command inside a text (a comment, a sentence): shell`kubectl get pods -n ${namespace}`. Each interpolation is one
 * word, an array several; literal text stays as it is.
 */
export function shell(literals: TemplateStringsArray, ...words: (string | number | readonly string[])[]): string {
  return String.raw(
    { raw: literals },
    ...words.map((word) => (Array.isArray(word) ? shellText(word) : shellWord(String(word)))),
  )
}
