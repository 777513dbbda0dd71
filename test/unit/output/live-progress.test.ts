import assert from 'node:assert/strict'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { spawn } from '@lydell/node-pty'

/** What the script writes to a terminal of 80 columns. */
function onTerminal(script: string): Promise<string> {
  return new Promise((resolve) => {
    const terminal = spawn(process.execPath, [join(import.meta.dirname, script)], {
      cols: 80,
      rows: 30,
      env: { ...process.env, TERM: 'xterm' },
    })
    let text = ''
    terminal.onData((part) => {
      text += part
    })
    terminal.onExit(() => resolve(text))
  })
}

describe('live progress', () => {
  it('leaves one line for each step on the screen, in order, and gives the screen free for a question', async function () {
    this.timeout(20_000)
    const raw = await onTerminal('live-progress.script.ts')
    const lines = stripVTControlCharacters(raw)
      .split(/[\r\n]+/)
      .map((line) => line.trimEnd())
    // Whatever was drawn over and over: the lines that stay are the last of their kind.
    const order = [
      '+ Step 1: all pods run',
      '+ Step 2: beside the first',
      'A question? yes',
      '- Step 3: already there',
      'Another question? no',
      'x Step 4',
      'result',
    ]
    const places = order.map((line) => lines.lastIndexOf(line))
    assert.ok(!places.includes(-1), JSON.stringify(lines))
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    )
    assert.match(stripVTControlCharacters(raw), /pod-0: starting\s+pod-1: no volume/)
    // The script paints nothing: --color never.
    assert.doesNotMatch(raw, /\u001b\[\d+m/)
    assert.equal(raw.lastIndexOf('\u001b[?25h') > raw.lastIndexOf('\u001b[?25l'), true, 'the cursor is shown again')
  })
})
