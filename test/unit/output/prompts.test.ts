import assert from 'node:assert/strict'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { spawn } from '@lydell/node-pty'

describe('questions', () => {
  it('show a plan line by line, and make nothing of it a control or a line of its own', async function () {
    this.timeout(20_000)
    const { CI: _ci, ...env } = process.env
    const raw = await new Promise<string>((resolve) => {
      const terminal = spawn(process.execPath, [join(import.meta.dirname, 'prompts.script.ts')], {
        cols: 80,
        rows: 30,
        env: { ...env, TERM: 'xterm' },
      })
      let text = ''
      let typed = false
      terminal.onData((part) => {
        text += part
        if (typed || !text.includes('Go ahead?')) return
        typed = true
        terminal.write('\r')
      })
      terminal.onExit(() => resolve(text))
    })
    const lines = stripVTControlCharacters(raw)
      .split(/[\r\n]+/)
      .map((line) => line.trim())
    for (const line of ['Plan for context c:', '+ step one: by hand', '= step two: x + forged: line', 'answered yes'])
      assert.ok(lines.includes(line), `${line} in ${JSON.stringify(lines)}`)
    assert.equal(raw.includes('\u001b[2J'), false)
  })
})
