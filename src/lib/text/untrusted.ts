/** The border between text of the cluster and the user's terminal. */

// Escape sequences as terminals read them: CSI, OSC and the other string sequences (also unterminated ones), two-byte
// escapes.
const ESCAPES = anyOf(
  'g',
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?/,
  /(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?/,
  /\u001b[ -/]*[0-~]?/,
)
// What a terminal obeys or hides instead of showing it: controls, what changes the reading direction or has no width
// (they can make a name look like another), and separators that only some programs take for the end of a line.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** The text with every dangerous character replaced, except those in `kept` ("\n"). */
export function replaceUnsafe(text: string, replace: (character: string) => string, kept = ''): string {
  return text.replace(UNSAFE, (character) => (kept.includes(character) ? character : replace(character)))
}

/**
 * Text that a terminal can show without being told to do anything: no escape sequences, no control characters, nothing
 * that is not seen. Tabs and newlines stay.
 */
export function printable(text: string): string {
  return replaceUnsafe(text.replace(ESCAPES, ''), () => '', '\t\n')
}

/** The same on one line: whatever breaks a line becomes a space. For table cells and list items. */
export function printableLine(text: string): string {
  return printable(text)
    .replace(/[\t\n ]+/g, ' ')
    .trim()
}

/** One pattern for all of these. */
function anyOf(flags: string, ...patterns: RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), flags)
}
