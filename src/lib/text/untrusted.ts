/** The border between text of the cluster and the user's terminal. */

// Escape sequences as terminals read them: CSI, OSC and the other string sequences (also unterminated ones), two-byte
// escapes.
const ESCAPES =
  /\u001b\[[0-?]*[ -/]*[@-~]?|\u009b[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g
// C0 and C1 controls but tab and newline.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g
// Controls of the reading direction (they can make a name look like another), and invisible separators.
const BIDI = /[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g

/**
 * Text that a terminal can show without being told to do anything: no escape sequences, no control characters, no
 * bidirectional overrides. Tabs and newlines stay.
 */
export function printable(text: string): string {
  return text.replace(ESCAPES, '').replace(CONTROLS, '').replace(BIDI, '')
}

/** The same on one line: whatever breaks a line becomes a space. For table cells and list items. */
export function printableLine(text: string): string {
  return printable(text)
    .replace(/[\t\n ]+/g, ' ')
    .trim()
}
