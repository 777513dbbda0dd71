/**
 * Editing commands and key bindings of GNU readline's emacs mode, under readline's names (readline doc/rluser.texi,
 * "Bindable Readline Commands"); an inputrc file therefore has the same effect here.
 */
import type { LineBuffer } from './line-buffer.ts'
import type { LineHistory } from './line-history.ts'

/** State that a command changes. */
export interface Editing {
  buffer: LineBuffer
  history: LineHistory
  bell(): void
}

type Command = (editing: Editing) => void

const move =
  (to: (buffer: LineBuffer) => number): Command =>
  ({ buffer }) =>
    buffer.moveTo(to(buffer))

const kill =
  (to: (buffer: LineBuffer) => number): Command =>
  ({ buffer }) =>
    buffer.kill(to(buffer))

/** Moves between the lines of the text, then through the history. */
const vertical =
  (by: -1 | 1): Command =>
  (editing) => {
    if (editing.buffer.moveLine(by)) return
    shown(editing, editing.history.move(by, editing.buffer.text))
  }

const searchByPrefix =
  (by: -1 | 1): Command =>
  (editing) => {
    const { buffer, history } = editing
    const { cursor } = buffer
    const entry = history.moveByPrefix(by, buffer.text.slice(0, cursor), buffer.text)
    if (entry === undefined) editing.bell()
    else buffer.reset(entry, cursor)
  }

function shown({ buffer, bell }: Editing, entry: string | undefined): void {
  if (entry === undefined) bell()
  else buffer.reset(entry)
}

/** Commands that change only the text or the position in the history. */
export const EDITING_COMMANDS: Readonly<Record<string, Command>> = {
  'beginning-of-line': move((buffer) => buffer.lineStart()),
  'end-of-line': move((buffer) => buffer.lineEnd()),
  'forward-char': move((buffer) => buffer.after()),
  'backward-char': move((buffer) => buffer.before()),
  'forward-word': move((buffer) => buffer.wordEnd()),
  'backward-word': move((buffer) => buffer.wordStart()),
  'delete-char': ({ buffer }) => buffer.delete(buffer.after()),
  'backward-delete-char': ({ buffer }) => buffer.delete(buffer.before()),
  'kill-line': kill((buffer) => buffer.lineEnd()),
  'backward-kill-line': kill((buffer) => buffer.lineStart()),
  'unix-line-discard': kill((buffer) => buffer.lineStart()),
  'kill-whole-line': ({ buffer }) => {
    buffer.moveTo(buffer.text.length)
    buffer.kill(0)
  },
  'kill-word': kill((buffer) => buffer.wordEnd()),
  'backward-kill-word': kill((buffer) => buffer.wordStart()),
  'unix-word-rubout': kill((buffer) => buffer.wordStart(/\S/)),
  yank: ({ buffer }) => buffer.yank(),
  'yank-pop': ({ buffer }) => buffer.yankPop(),
  'transpose-chars': ({ buffer }) => buffer.transpose(),
  'upcase-word': ({ buffer }) => buffer.changeWord((word) => word.toUpperCase()),
  'downcase-word': ({ buffer }) => buffer.changeWord((word) => word.toLowerCase()),
  'capitalize-word': ({ buffer }) =>
    buffer.changeWord((word) => word.toLowerCase().replace(/\p{L}/u, (letter) => letter.toUpperCase())),
  undo: ({ buffer }) => buffer.undo(),
  'revert-line': ({ buffer }) => buffer.replace(''),
  'previous-history': vertical(-1),
  'next-history': vertical(1),
  'beginning-of-history': (editing) => editing.buffer.reset(editing.history.moveToEnd('first', editing.buffer.text)),
  'end-of-history': (editing) => editing.buffer.reset(editing.history.moveToEnd('last', editing.buffer.text)),
  'history-search-backward': searchByPrefix(-1),
  'history-search-forward': searchByPrefix(1),
}

/** Commands that `LineEditor` implements. */
export const EDITOR_COMMANDS = [
  'accept-line',
  'clear-screen',
  'complete',
  'possible-completions',
  'quoted-insert',
  'reverse-search-history',
  'forward-search-history',
  'abort',
] as const

export type EditorCommand = (typeof EDITOR_COMMANDS)[number]

/** Bindings of the emacs mode, by `KeyDecoder` name. Ctrl-C, Ctrl-D and Ctrl-Z cannot be rebound. */
export const EMACS_KEYS: Readonly<Record<string, string>> = {
  enter: 'accept-line',
  'C-j': 'accept-line',
  'C-a': 'beginning-of-line',
  home: 'beginning-of-line',
  'C-e': 'end-of-line',
  end: 'end-of-line',
  'C-f': 'forward-char',
  right: 'forward-char',
  'C-b': 'backward-char',
  left: 'backward-char',
  'M-f': 'forward-word',
  'C-right': 'forward-word',
  'M-right': 'forward-word',
  'M-b': 'backward-word',
  'C-left': 'backward-word',
  'M-left': 'backward-word',
  delete: 'delete-char',
  backspace: 'backward-delete-char',
  'C-h': 'backward-delete-char',
  'C-k': 'kill-line',
  'C-u': 'unix-line-discard',
  'M-d': 'kill-word',
  'C-delete': 'kill-word',
  'M-backspace': 'backward-kill-word',
  'M-C-h': 'backward-kill-word',
  'C-w': 'unix-word-rubout',
  'C-y': 'yank',
  'M-y': 'yank-pop',
  'C-t': 'transpose-chars',
  'M-u': 'upcase-word',
  'M-l': 'downcase-word',
  'M-c': 'capitalize-word',
  'C-_': 'undo',
  'M-r': 'revert-line',
  'C-p': 'previous-history',
  up: 'previous-history',
  'C-n': 'next-history',
  down: 'next-history',
  'M-<': 'beginning-of-history',
  'M->': 'end-of-history',
  'C-r': 'reverse-search-history',
  'C-s': 'forward-search-history',
  'C-l': 'clear-screen',
  'C-v': 'quoted-insert',
  'C-q': 'quoted-insert',
  tab: 'complete',
  'M-?': 'possible-completions',
  'C-g': 'abort',
}
