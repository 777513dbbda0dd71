import assert from 'node:assert/strict'
import xterm from '@xterm/headless'
import width from 'string-width'
import { DumbDisplay, ScreenDisplay } from '../../../src/lib/shell/line-editor/line-display.ts'

const PROMPT = 'me@cqlsh> '

/** A terminal's screen, and what was written to it. */
function screen(columns: number, rows: number) {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  let written = ''
  const write = (text: string): void => {
    written += text
    terminal.write(text)
  }
  const shown = async () => {
    await new Promise<void>((done) => terminal.write('', done))
    const { active } = terminal.buffer
    const lines = Array.from(
      { length: rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? '',
    )
    return { lines, cursor: [active.cursorY, active.cursorX] }
  }
  const resize = (newColumns: number): void => {
    columns = newColumns
    terminal.resize(newColumns, rows)
  }
  const drawn = (): string => {
    const text = written
    written = ''
    return text
  }
  return { on: { write, columns: () => columns, rows: () => rows }, shown, drawn, resize }
}

/** Random numbers that are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

const CHARACTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

function segmented(text: string): string[] {
  return [...CHARACTERS.segment(text)].map(({ segment }) => segment)
}

describe('the display of a line', () => {
  it('after any edits shows the same as when it is drawn at once', async () => {
    const pieces = ['a', 'xyz', ' ', '\n', '\t', '漢', 'é', '\u0301', "'", '0123456789', '\u0007']
    for (let seed = 1; seed <= 12; seed += 1) {
      const random = numbers(seed)
      const columns = [7, 13, 20, 40][seed % 4] ?? 40
      const edited = screen(columns, 60)
      const display = new ScreenDisplay(edited.on)
      let text = ''
      for (let step = 0; step < 60; step += 1) {
        const characters = segmented(text)
        const at = random(characters.length + 1)
        if (random(3) === 0) characters.splice(at, random(6))
        else characters.splice(at, 0, pieces[random(pieces.length)] ?? '')
        text = characters.join('')
        // The cursor is never within a character.
        const cursor = segmented(text)
          .slice(0, random(segmented(text).length + 1))
          .join('').length
        display.show(PROMPT, text, cursor)
        const once = screen(columns, 60)
        new ScreenDisplay(once.on).show(PROMPT, text, cursor)
        const [left, right] = await Promise.all([edited.shown(), once.shown()])
        const rows = (lines: string[]): string => lines.join('\n').trim()
        assert.equal(rows(left.lines), rows(right.lines), `seed ${seed}, step ${step}: ${JSON.stringify(text)}`)
        assert.equal(
          left.cursor[1],
          right.cursor[1],
          `seed ${seed}, step ${step}: ${JSON.stringify(text)} at ${cursor}`,
        )
      }
    }
  })

  it('writes what changed and no more', () => {
    const { on, drawn } = screen(80, 24)
    const display = new ScreenDisplay(on)
    display.show(PROMPT, 'SELECT', 6)
    drawn()
    display.show(PROMPT, 'SELECT ', 7)
    assert.equal(drawn(), ' ')
    display.show(PROMPT, 'SELECT ', 7)
    assert.equal(drawn(), '')
  })

  it('wraps at the width, wide characters whole, and leaves the lines above alone when the width changes', async () => {
    const { on, shown, resize } = screen(20, 10)
    on.write('before\r\n')
    const display = new ScreenDisplay(on)
    const text = 'SELECT 漢字漢字漢字漢字 FROM t'
    display.show(PROMPT, text, text.length)
    assert.deepEqual((await shown()).lines.slice(0, 4), ['before', 'me@cqlsh> SELECT 漢', '字漢字漢字漢字 FROM ', 't'])
    resize(60)
    display.resize()
    const after = await shown()
    assert.ok(after.lines.includes('before'))
    assert.ok(after.lines.includes(PROMPT + text), after.lines.join('\n'))
    assert.equal(after.cursor[1], width(PROMPT + text))
  })

  it('shows the part around the cursor of a text higher than the screen', async () => {
    const { on, shown } = screen(20, 5)
    const display = new ScreenDisplay(on)
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`)
    const text = lines.join('\n')
    display.show(PROMPT, text, text.length)
    assert.deepEqual((await shown()).lines, lines.slice(-5))
    display.show(PROMPT, text, 0)
    assert.deepEqual((await shown()).lines, [`${PROMPT}line 0`, ...lines.slice(1, 5)])
  })

  it('makes visible what a terminal would obey or hide', async () => {
    const { on, shown } = screen(60, 4)
    new ScreenDisplay(on).show('> ', 'a\u001b[2Jb\u202ec\u200bd', 0)
    assert.equal((await shown()).lines[0], '> a^[[2Jb\\u202ec\\u200bd')
  })

  it('on a dumb terminal scrolls sideways with carriage return and backspace', async () => {
    const { on, shown, drawn } = screen(20, 3)
    const display = new DumbDisplay(on)
    const text = `SELECT ${'0123456789'.repeat(3)} end`
    for (let index = 1; index <= text.length; index += 1) display.show('> ', text.slice(0, index), index)
    assert.deepEqual(await shown(), {
      lines: ['789012345678 end', '', ''].map((line, index) => (index === 0 ? text.slice(-18) : line)),
      cursor: [0, 18],
    })
    display.show('> ', text, 0)
    assert.deepEqual(await shown(), { lines: ['> SELECT 0123456789', '', ''], cursor: [0, 2] })
    assert.doesNotMatch(drawn(), /\u001b|\n/)
  })
})
