import assert from 'node:assert/strict'
import { DEFAULT_INPUTRC, parseInputrc, readInputrc } from '../../../src/lib/shell/line-editor/inputrc.ts'
import { KeyDecoder } from '../../../src/lib/shell/line-editor/key-decoder.ts'
import type { LineDisplay } from '../../../src/lib/shell/line-editor/line-display.ts'
import { type Completion, LineEditor, type Outcome } from '../../../src/lib/shell/line-editor/line-editor.ts'
import { LineHistory } from '../../../src/lib/shell/line-editor/line-history.ts'
import { inColumns } from '../../../src/lib/shell/line-editor/word-columns.ts'

const LEFT = '\x1b[D'
const UP = '\x1b[A'
const DOWN = '\x1b[B'

/** An editor with what it shows: the line with a bar at the cursor. */
function editor(history: string[] = [], complete?: (text: string, cursor: number) => Promise<Completion>) {
  let shown = ''
  let prompt = ''
  const listed: string[][] = []
  let bells = 0
  const display: LineDisplay = {
    show: (newPrompt, text, cursor) => {
      prompt = newPrompt
      shown = `${text.slice(0, cursor)}|${text.slice(cursor)}`
    },
    finish: () => undefined,
    resize: () => undefined,
    reset: () => undefined,
    clear: () => undefined,
  }
  const output = { bell: () => (bells += 1), list: (labels: string[]) => listed.push(labels) }
  const past = new LineHistory(history)
  const edited = new LineEditor(display, past, output, DEFAULT_INPUTRC)
  edited.begin('> ', complete)
  const type = (keys: string): Outcome | undefined => {
    const decoder = new KeyDecoder()
    let outcome: Outcome | undefined
    for (const key of [...decoder.push(keys), ...decoder.flush()]) outcome ??= edited.handle(key)
    edited.show()
    return outcome
  }
  return {
    type,
    shown: () => shown,
    prompt: () => prompt,
    bells: () => bells,
    listed,
    past,
    begin: () => edited.begin('> ', complete),
  }
}

/** What keys make of an empty line. */
function lineAfter(keys: string, history: string[] = []): string {
  const { type, shown } = editor(history)
  type(keys)
  return shown()
}

describe('the line editor', () => {
  it('moves and deletes by whole characters, words and lines', () => {
    const cases: [string, string][] = [
      [`ab${LEFT}c`, 'ac|b'],
      [`é👩‍👩‍👧漢${LEFT}${LEFT}`, 'é|👩‍👩‍👧漢'],
      ['é👩‍👩‍👧\x7f', 'é|'],
      ['e\u0301x\x7f\x7f', '|'],
      ['SELECT a_b.c\x1bb', 'SELECT a_b.|c'],
      ['one two\x1bb\x1bb\x1bf', 'one| two'],
      ['one two\x01\x04', '|ne two'],
      ['one two three\x17', 'one two |'],
      ['one two\x01\x0b', '|'],
      ['one two\x1bb\x15', '|two'],
      ['one two\x1b\x7f', 'one |'],
      ['one two\x01\x1bd', '| two'],
      ['ab\x14', 'ba|'],
      ['one\x01\x1bu', 'ONE|'],
      ['oNE\x01\x1bc', 'One|'],
      ['a\x16\tb', 'a\tb|'],
    ]
    for (const [keys, wanted] of cases) assert.equal(lineAfter(keys), wanted, JSON.stringify(keys))
  })

  it('yanks what was killed, and what was killed before it; undoes edits', () => {
    assert.equal(lineAfter('one two\x17\x17x\x19'), 'xone two|')
    assert.equal(lineAfter('one\x15two\x15\x19\x1by'), 'one|')
    assert.equal(lineAfter('one two\x17\x1f'), 'one two|')
    assert.equal(lineAfter('one\x1f'), '|')
  })

  it('goes up and down within a text of several lines, then through the history and back', () => {
    const my = editor(['older', 'newer'])
    my.type('\x1b[200~first\nsecond\x1b[201~')
    assert.equal(my.shown(), 'first\nsecond|')
    my.type(UP)
    assert.equal(my.shown(), 'first|\nsecond')
    my.type(`${UP}${UP}`)
    assert.equal(my.shown(), 'older|')
    my.type('!')
    my.type(`${DOWN}${DOWN}`)
    assert.equal(my.shown(), 'first\nsecond|')
    my.type(`${DOWN}${UP}${UP}${UP}`)
    assert.equal(my.shown(), 'older!|')
    assert.deepEqual(my.type('\r'), { type: 'line', line: 'older!' })
    my.begin()
    my.type(`${UP}${UP}`)
    assert.equal(my.shown(), 'older|')
  })

  it('ends with Enter, Ctrl-C, Ctrl-D on an empty line, Ctrl-Z', () => {
    assert.deepEqual(editor().type('a\r'), { type: 'line', line: 'a' })
    assert.deepEqual(editor().type('a\x03'), { type: 'interrupt' })
    assert.deepEqual(editor().type('\x04'), { type: 'end' })
    assert.equal(editor().type('a\x04'), undefined)
    assert.deepEqual(editor().type('a\x1a'), { type: 'suspend' })
    assert.deepEqual(editor().type('\x1c'), { type: 'quit' })
  })

  it('searches the history in both directions', () => {
    const my = editor(['SELECT one', 'INSERT', 'SELECT two'])
    my.type('draft\x12sel')
    assert.equal(my.prompt(), "(failed reverse-i-search)`sel': ")
    my.type('\x7f\x7f\x7fSEL')
    assert.deepEqual([my.prompt(), my.shown()], ["(reverse-i-search)`SEL': ", '|SELECT two'])
    my.type('\x12')
    assert.equal(my.shown(), '|SELECT one')
    my.type('\x13')
    assert.deepEqual([my.prompt(), my.shown()], ["(forward-i-search)`SEL': ", '|SELECT two'])
    my.type('\x07')
    assert.equal(my.shown(), 'draft|')
    my.type('\x12ne\x05!')
    assert.equal(my.shown(), 'SELECT one!|')
    my.begin()
    assert.deepEqual(my.type('\x12\x12\r'), { type: 'line', line: 'SELECT one' })
  })

  it('completes: one candidate at once, what is common, a list the second time, none with a bell', async () => {
    const words = ['SELECT ', 'SELF ', 'second ']
    const complete = async (text: string, cursor: number): Promise<Completion> => {
      const start = text.lastIndexOf(' ', cursor - 1) + 1
      const typed = text.slice(start, cursor).toLowerCase()
      return {
        start,
        candidates: words
          .filter((word) => word.toLowerCase().startsWith(typed))
          .map((text) => ({ text, label: text.trim() })),
      }
    }
    const my = editor([], complete)
    const tab = async (): Promise<void> => {
      my.type('\t')
      await new Promise((resolve) => setImmediate(resolve))
    }
    my.type('sele')
    await tab()
    assert.equal(my.shown(), 'SELECT |')
    my.type('se')
    await tab()
    assert.deepEqual([my.bells(), my.listed.length], [1, 0])
    await tab()
    assert.deepEqual(my.listed, [['SELECT', 'SELF', 'second']])
    my.type('l')
    await tab()
    assert.equal(my.shown(), 'SELECT sel|')
    my.type('x')
    await tab()
    assert.deepEqual([my.shown(), my.listed.length], ['SELECT selx|', 1])
    my.type('\x15sec\x01\x1bf')
    my.type(' ')
    my.type(LEFT)
    await tab()
    assert.equal(my.shown(), 'second |')
  })

  it('a candidate that comes after another key is dropped', async () => {
    let answer: (completion: Completion) => void = () => undefined
    const my = editor([], () => new Promise((resolve) => (answer = resolve)))
    my.type('se\t')
    my.type('x')
    answer({ start: 0, candidates: [{ text: 'SELECT ', label: 'SELECT' }] })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(my.shown(), 'sex|')
  })

  it('asks before it lists more than 100 candidates', async () => {
    const candidates = Array.from({ length: 101 }, (_, index) => ({ text: `t${index}`, label: `t${index}` }))
    const my = editor([], async () => ({ start: 0, candidates }))
    const tab = async (): Promise<void> => {
      my.type('\t')
      await new Promise((resolve) => setImmediate(resolve))
    }
    my.type('t')
    await tab()
    await tab()
    assert.equal(my.prompt(), 'Display all 101 possibilities? (y or n)')
    my.type('n')
    assert.equal(my.listed.length, 0)
    await tab()
    await tab()
    my.type('y')
    assert.equal(my.listed[0]?.length, 101)
    assert.equal(my.shown(), 't|')
  })

  it('lists words in columns, downwards', () => {
    assert.equal(inColumns(['a', 'bb', 'ccc', 'd', '漢字'], 18), 'a     ccc   漢字\nbb    d\n')
    assert.equal(inColumns(['a-long-word', 'b'], 5), 'a-long-word\nb\n')
  })
})

describe('inputrc', () => {
  it('binds keys that it names in either way, and sets variables', () => {
    const text = String.raw`
# a comment
set bell-style none
set completion-query-items 20
set show-all-if-ambiguous On
set enable-bracketed-paste off
set editing-mode vi
"\e[A": history-search-backward
"\C-o": kill-whole-line
"\M-x": undo
Control-t: kill-word
Meta-Rubout: unix-word-rubout
"\C-x\C-e": accept-line
"\C-q": "a macro"
"\e[1;5A": beginning-of-history
"\eb": no-such-command
`
    const { keys, ...settings } = parseInputrc(text, 'xterm-256color')
    assert.deepEqual(keys, {
      up: 'history-search-backward',
      'C-o': 'kill-whole-line',
      'M-x': 'undo',
      'C-t': 'kill-word',
      'M-backspace': 'unix-word-rubout',
      'C-up': 'beginning-of-history',
    })
    assert.deepEqual(settings, { bell: false, bracketedPaste: false, queryItems: 20, showAllIfAmbiguous: true })
  })

  it('has the key of a cqlshrc that completes as well', async () => {
    const { keys } = await readInputrc({ INPUTRC: '/nosuch/inputrc' }, 'Control-o')
    assert.deepEqual(keys, { 'C-o': 'complete' })
    assert.deepEqual(await readInputrc({ INPUTRC: '/nosuch/inputrc' }), DEFAULT_INPUTRC)
  })

  it('respects conditions', () => {
    const text = `
$if mode=vi
"x": undo
$else
"\\C-o": undo
$endif
$if Bash
"\\C-t": undo
$endif
$if cqlsh
  $if term=xterm
"\\C-b": undo
  $endif
$endif
`
    assert.deepEqual(parseInputrc(text, 'xterm-256color').keys, { 'C-o': 'undo', 'C-b': 'undo' })
    assert.deepEqual(parseInputrc(text, 'linux').keys, { 'C-o': 'undo' })
  })
})
