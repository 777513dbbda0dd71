/** Edits one line after another: takes keys, draws on a `LineDisplay`. Uses no stream and no clock. */
import { EDITING_COMMANDS, EMACS_KEYS, type EditorCommand } from './editor-commands.ts'
import { HistorySearch } from './history-search.ts'
import type { Key } from './key-decoder.ts'
import { LineBuffer } from './line-buffer.ts'
import type { LineDisplay } from './line-display.ts'
import type { LineHistory } from './line-history.ts'

/** Result of a key that ends the line or is for the process. */
export type Outcome =
  | { type: 'line'; line: string }
  /** Ctrl-D on an empty line. */
  | { type: 'end' }
  /** Ctrl-C. */
  | { type: 'interrupt' }
  /** Ctrl-Z. */
  | { type: 'suspend' }
  /** Ctrl-\ */
  | { type: 'quit' }

/** Candidates at the cursor. */
export interface Completion {
  /** Index of the text that a candidate replaces, up to the cursor. */
  start: number
  /** Replacements, including a trailing space, dot or quote. */
  candidates: Candidate[]
}

export interface Candidate {
  text: string
  /** Text in the list of candidates. */
  label: string
}

export type Complete = (text: string, cursor: number) => Promise<Completion>

export interface EditorSettings {
  /** Bindings that override those of the emacs mode. */
  keys: Readonly<Record<string, string>>
  /** List candidates at the first Tab. */
  showAllIfAmbiguous: boolean
  /** Asks before it lists more candidates than this. */
  queryItems: number
}

export interface EditorOutput {
  bell(): void
  /** Lists candidates below the line. */
  list(labels: string[]): void
}

export class LineEditor {
  readonly #buffer = new LineBuffer()
  readonly #history: LineHistory
  readonly #display: LineDisplay
  readonly #output: EditorOutput
  readonly #settings: EditorSettings
  readonly #keys: Readonly<Record<string, string>>
  #complete: Complete | undefined
  #prompt = ''
  #search: HistorySearch | undefined
  #lastQuery = ''
  #literal = false
  /** Candidates to list if the answer is y. */
  #asked: string[] | undefined
  /** Text and cursor of the last completion; a second Tab there lists the candidates. */
  #completedAt: string | undefined
  /** Number of keys so far; a completion that took longer than one key is dropped. */
  #keysSeen = 0

  constructor(display: LineDisplay, history: LineHistory, output: EditorOutput, settings: EditorSettings) {
    this.#display = display
    this.#history = history
    this.#output = output
    this.#settings = settings
    this.#keys = { ...EMACS_KEYS, ...settings.keys }
  }

  /** Begins an empty line. Without `complete`, Tab inserts itself. */
  begin(prompt: string, complete?: Complete): void {
    this.#prompt = prompt
    this.#complete = complete
    this.#buffer.reset()
    this.#history.rewind()
    this.#search = undefined
    this.#asked = undefined
    this.#literal = false
    this.#keysSeen += 1
  }

  /** Draws the line. */
  show(): void {
    if (this.#asked !== undefined) return
    if (this.#search === undefined) this.#display.show(this.#prompt, this.#buffer.text, this.#buffer.cursor)
    else this.#display.show(this.#search.prompt, this.#search.entry, this.#search.cursor)
  }

  /** Whether this key starts a completion, unless it is part of a paste. */
  asksForCompletion(key: Key): boolean {
    return this.#complete !== undefined && !this.#literal && this.#commandOf(key) === 'complete'
  }

  /** Applies a key. Does not draw: call `show` after a batch of keys. */
  handle(key: Key): Outcome | undefined {
    this.#keysSeen += 1
    const completed = this.#completedAt
    this.#completedAt = undefined
    if (this.#literal) {
      this.#literal = false
      this.#buffer.insert(characterOf(key))
      return undefined
    }
    if (key.type === 'key') {
      if (key.name === 'C-c') return this.#end({ type: 'interrupt' })
      if (key.name === 'C-z') return { type: 'suspend' }
      if (key.name === 'C-\\') return this.#end({ type: 'quit' })
    }
    if (this.#asked !== undefined) return this.#answer(key, this.#asked)
    if (this.#search !== undefined && this.#searched(key, this.#search)) return undefined
    if (key.type !== 'key') {
      this.#buffer.insert(key.text)
      return undefined
    }
    if (key.name === 'C-d' && this.#keys['C-d'] === undefined) {
      if (this.#buffer.text === '') return this.#end({ type: 'end' })
      this.#run('delete-char')
      return undefined
    }
    const command = this.#commandOf(key)
    this.#completedAt = command === 'complete' ? completed : undefined
    return command === undefined ? undefined : this.#run(command)
  }

  #commandOf(key: Key): string | undefined {
    return key.type === 'key' ? this.#keys[key.name] : undefined
  }

  #run(name: string): Outcome | undefined {
    const command = EDITING_COMMANDS[name]
    if (command === undefined) return this.#own(name as EditorCommand)
    command({ buffer: this.#buffer, history: this.#history, bell: () => this.#output.bell() })
    return undefined
  }

  #own(command: EditorCommand): Outcome | undefined {
    switch (command) {
      case 'accept-line':
        return this.#end({ type: 'line', line: this.#buffer.text })
      case 'clear-screen':
        this.#display.clear()
        break
      case 'quoted-insert':
        this.#literal = true
        break
      case 'reverse-search-history':
      case 'forward-search-history':
        this.#search = new HistorySearch(
          this.#history,
          this.#buffer.text,
          command === 'reverse-search-history' ? -1 : 1,
        )
        break
      case 'complete':
      case 'possible-completions':
        if (this.#complete === undefined) {
          this.#buffer.insert('\t')
          break
        }
        this.#startCompletion(command === 'possible-completions' || this.#settings.showAllIfAmbiguous)
        break
      case 'abort':
        this.#output.bell()
        break
    }
    return undefined
  }

  /** Ends the line and leaves it on the screen. */
  #end(outcome: Outcome): Outcome {
    this.#acceptSearch()
    this.#asked = undefined
    this.show()
    this.#display.finish(outcome.type === 'interrupt' ? '^C' : '')
    return outcome
  }

  /** Applies a key to the search. Returns false for a key that ends it and is for the line. */
  #searched(key: Key, search: HistorySearch): boolean {
    const command = this.#commandOf(key)
    if (key.type === 'text') search.type(key.text)
    else if (command === 'reverse-search-history') search.again(-1, this.#lastQuery)
    else if (command === 'forward-search-history') search.again(1, this.#lastQuery)
    else if (command === 'backward-delete-char') search.back()
    else if (command === 'abort') this.#search = undefined
    else {
      this.#acceptSearch()
      return key.type === 'key' && key.name === 'escape'
    }
    return true
  }

  #acceptSearch(): void {
    const search = this.#search
    if (search === undefined) return
    this.#search = undefined
    this.#lastQuery = search.query
    if (search.index === this.#history.position) return
    this.#history.select(search.index, this.#buffer.text)
    this.#buffer.reset(search.entry, search.cursor)
  }

  #startCompletion(list: boolean): void {
    const { text, cursor } = this.#buffer
    const again = this.#completedAt === `${cursor}:${text}`
    const requestedAt = this.#keysSeen
    const late = (): boolean => requestedAt !== this.#keysSeen
    this.#complete?.(text, cursor).then(
      (completion) => {
        if (!late()) this.#apply(completion, list || again)
      },
      () => {
        if (!late()) this.#output.bell()
      },
    )
  }

  #apply({ start, candidates }: Completion, list: boolean): void {
    const buffer = this.#buffer
    const [first] = candidates
    if (first === undefined) {
      this.#output.bell()
      return
    }
    const typed = buffer.text.slice(start, buffer.cursor)
    const common = candidates.length === 1 ? first.text : commonStart(candidates.map(({ text }) => text))
    if (common !== typed && (candidates.length === 1 || common.length > typed.length || !startsAlike(typed, common))) {
      const rest = restAfter(common, buffer.text.slice(buffer.cursor))
      buffer.replace(buffer.text.slice(0, start) + common + rest, start + common.length)
      this.show()
      if (candidates.length === 1) return
    }
    if (list) this.#offer([...new Set(candidates.map(({ label }) => label))])
    else {
      this.#output.bell()
      this.#completedAt = `${buffer.cursor}:${buffer.text}`
    }
  }

  #offer(labels: string[]): void {
    this.#display.finish()
    if (labels.length <= this.#settings.queryItems) {
      this.#output.list(labels)
      this.show()
      return
    }
    this.#display.show(`Display all ${labels.length} possibilities? (y or n)`, '', 0)
    this.#asked = labels
  }

  #answer(key: Key, labels: string[]): undefined {
    const answer = key.type === 'text' ? key.text.toLowerCase() : key.type === 'key' ? key.name : ''
    this.#asked = undefined
    this.#display.finish()
    if (answer === 'y' || answer === ' ') this.#output.list(labels)
    return undefined
  }
}

/** The character that a key inserts after Ctrl-V. */
function characterOf(key: Key): string {
  if (key.type !== 'key') return key.text
  if (key.name === 'tab') return '\t'
  if (key.name === 'enter') return '\n'
  const control = /^C-([a-z\\\]^_@])$/.exec(key.name)?.[1]
  return control === undefined ? '' : String.fromCharCode(control.toUpperCase().charCodeAt(0) & 0x1f)
}

function startsAlike(typed: string, common: string): boolean {
  return common.toLowerCase().startsWith(typed.toLowerCase())
}

/** The longest common prefix, ignoring case, spelled as in the first text. */
function commonStart(texts: string[]): string {
  const [first = '', ...others] = texts
  let length = first.length
  for (const other of others) {
    let same = 0
    while (same < length && first[same]?.toLowerCase() === other[same]?.toLowerCase()) same += 1
    length = same
  }
  return first.slice(0, length)
}

/** The text after the cursor, without the character that the candidate already ends with. */
function restAfter(inserted: string, rest: string): string {
  const last = inserted.at(-1)
  return last !== undefined && /[\s.'"(]/.test(last) && rest.startsWith(last) ? rest.slice(1) : rest
}
