/** Sanitizes untrusted text from the cluster for terminals. */

// Escape sequences as terminals read them: CSI, OSC and the other string sequences (also unterminated ones), two-byte
// escapes.
const ESCAPES = anyOf(
  'g',
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?/,
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/,
  /\u001b[ -/]*[0-~]?/,
)
// Characters that a terminal interprets or hides: controls, bidirectional overrides and zero-width characters (which
// can make one name look like another), and separators that only some programs treat as line ends.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Replaces every unsafe character except those in `kept` ("\n"). */
export function replaceUnsafe(text: string, replace: (character: string) => string, kept = ''): string {
  return text.replace(UNSAFE, (character) => (kept.includes(character) ? character : replace(character)))
}

/**
 * Removes everything that a terminal would interpret or hide: escape sequences, control and invisible characters. Keeps
 * tabs and newlines.
 */
export function printable(text: string): string {
  return replaceUnsafe(text.replace(ESCAPES, ''), () => '', '\t\n')
}

/** The same on a single line, with line breaks as spaces. For table cells and list items. */
export function printableLine(text: string): string {
  return printable(text)
    .replace(/[\t\n ]+/g, ' ')
    .trim()
}

/** Combines patterns into one. */
function anyOf(flags: string, ...patterns: RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), flags)
}
