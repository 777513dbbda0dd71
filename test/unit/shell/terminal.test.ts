import { renderSteps } from '../../../src/lib/cli/next-steps.ts'
import { NO_FLAGS } from '../../support/next-texts.ts'
import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { CassSniError } from '../../../src/lib/errors.ts'
import { statementError } from '../../../src/lib/connection/cql-errors.ts'
import { runInteractive } from '../../../src/lib/shell/interactive.ts'
import { readSecret } from '../../../src/lib/shell/secret-line.ts'
import { TerminalLines } from '../../../src/lib/shell/terminal.ts'
import { type Answer, columns, FakeSession, fakeShell } from './fake-session.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

/** A person at a terminal that is none: types, and waits for what is shown. */
function person(answer: Answer, history: string[] = []) {
  const input = new PassThrough()
  const output = new PassThrough({ encoding: 'utf8' })
  let shown = ''
  output.on('data', (text: string) => {
    shown += text
  })
  const session = new FakeSession(answer)
  const lines = new TerminalLines({ input, output }, history)
  const io = {
    write: async (text: string) => void output.write(text),
    more: (signal: AbortSignal) => lines.more(signal),
    secret: (prompt: string, signal: AbortSignal) => lines.secret(prompt, signal),
  }
  const { shell } = fakeShell(session, io, { user: 'me' })
  const kept: string[] = []
  const controller = new AbortController()
  const ended = runInteractive(shell, lines, (text) => void output.write(text), {
    keep: async (typed) => void kept.push(...typed),
    signal: controller.signal,
    red: (text) => text,
    steps: (next) => renderSteps(next, NO_FLAGS),
  })
  ended.catch(() => undefined)
  const see = async (wanted: RegExp): Promise<void> => {
    for (let tries = 0; tries < 200 && !wanted.test(shown); tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 5))
    assert.match(shown, wanted)
    shown = ''
  }
  return { type: (text: string) => void input.write(text), see, session, kept, ended, controller }
}

const one: Answer = () => ({ columns: columns('a'), rows: [['x']], warnings: [] })

describe('the terminal', () => {
  it('executes a statement of several lines, keeps it as one, and ends with Ctrl-D', async () => {
    const me = person(one)
    await me.see(/me@cqlsh> /)
    me.type('SELECT a\r')
    await me.see(/\.\.\.> /)
    me.type('FROM t;\r')
    await me.see(/\(1 row\)[\s\S]*me@cqlsh> /)
    me.type(CTRL_D)
    await me.ended
    await me.see(/\r\n$/)
    assert.deepEqual(
      me.session.asked.map(({ statement }) => statement),
      ['SELECT a\nFROM t'],
    )
    assert.deepEqual(me.kept, ['SELECT a FROM t;'])
  })

  it('Ctrl-C at the password of LOGIN cancels the question; no statement is running', async () => {
    const me = person(one)
    await me.see(/me@cqlsh> /)
    me.type('LOGIN app\r')
    await me.see(/Password for app: $/)
    me.type(CTRL_C)
    await me.see(/^\r\ncanceled \[CSNI902\]\n[^>]*me@cqlsh> $/)
    assert.deepEqual(me.session.asked, [])
    me.type(CTRL_D)
    await me.ended
  })

  it('executes pasted lines one after another, in order', async () => {
    const me = person(one)
    me.type('SELECT 1; SELECT 2;\rSELECT\r3;\rEXIT\rSELECT 4;\r')
    await me.ended
    assert.deepEqual(
      me.session.asked.map(({ statement }) => statement),
      ['SELECT 1', 'SELECT 2', 'SELECT\n3'],
    )
  })

  it('shows errors with a caret and goes on; a node that is another ends it', async () => {
    let moved = false
    const me = person(() => {
      if (moved) throw new CassSniError('CSNI602', 'the certificate of the node does not verify')
      throw statementError(0x2000, "line 1:9 no viable alternative at input 'FORM'")
    })
    me.type('SELECT * FORM t;\r')
    await me.see(/ {2}SELECT \* FORM t\n {11}\^\nsyntax error: no viable[^\n]*\[CSNI605\]/)
    moved = true
    me.type('SELECT 1;\r')
    await assert.rejects(me.ended, { code: 'CSNI602' })
  })

  it('shows no caret where Cassandra named no position', async () => {
    const me = person(() => {
      throw statementError(0x2200, 'Undefined column name b in table t')
    })
    await me.see(/me@cqlsh> /)
    me.type('SELECT b FROM t;\r')
    await me.see(/SELECT b FROM t;\s*Undefined column name b in table t \[CSNI605\]/)
    me.type(CTRL_D)
    await me.ended
  })

  it('Ctrl-C at the prompt clears the line and what was begun', async () => {
    const me = person(one)
    me.type('SELECT a\r')
    await me.see(/\.\.\.> /)
    me.type(`FROM nonsense${CTRL_C}`)
    await me.see(/\^C[\s\S]*me@cqlsh> /)
    me.type('SELECT 1;\r')
    await me.see(/\(1 row\)/)
    assert.deepEqual(
      me.session.asked.map(({ statement }) => statement),
      ['SELECT 1'],
    )
    me.type(CTRL_D)
    await me.ended
  })

  it('Ctrl-C while a statement runs gives up waiting and comes back to the prompt', async () => {
    const me = person(
      (statement, { signal }) =>
        new Promise((resolve, reject) => {
          if (statement === 'SELECT 1') resolve({ rows: [], warnings: [] })
          signal?.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    await me.see(/me@cqlsh> /)
    me.type('SELECT slow;\r')
    await new Promise((resolve) => setTimeout(resolve, 30))
    me.type(CTRL_C)
    await me.see(/CSNI902[\s\S]*me@cqlsh> /)
    me.type('SELECT 1;\r')
    await me.see(/me@cqlsh> /)
    me.type(CTRL_D)
    await me.ended
  })

  it('asks for more, with Enter, q and Ctrl-C', async () => {
    const me = person(() => ({ columns: columns('a'), rows: [['x']], warnings: [], pageState: '1' }))
    me.type('SELECT a FROM t;\r')
    await me.see(/--More--/)
    me.type('\r')
    await me.see(/--More--/)
    me.type(' ')
    await me.see(/--More--/)
    me.type('q')
    await me.see(/\(3 rows, there are more\)[\s\S]*me@cqlsh> /)
    me.type('\u001b[A')
    await me.see(/SELECT a FROM t;/)
    me.type('\r')
    await me.see(/--More--/)
    me.type(CTRL_C)
    await me.see(/CSNI902[\s\S]*me@cqlsh> /)
    me.type(CTRL_D)
    await me.ended
  })

  it('has the history, and keeps no password in it', async () => {
    const me = person(one, ['SELECT older;'])
    await me.see(/me@cqlsh> /)
    me.type('\u001b[A\r')
    await me.see(/\(1 row\)/)
    me.type("ALTER ROLE x\rWITH PASSWORD = 'hunter2';\r")
    await me.see(/\(1 row\)[\s\S]*me@cqlsh> /)
    me.type('\u001b[A')
    await me.see(/ALTER ROLE x WITH PASSWORD = '\*\*\*';/)
    me.type(`${CTRL_C}${CTRL_D}`)
    await me.ended
    assert.deepEqual(me.kept, ['SELECT older;', "ALTER ROLE x WITH PASSWORD = '***';"])
    assert.equal(me.session.asked[0]?.statement, 'SELECT older')
  })

  it('ends when the run is aborted', async () => {
    const me = person(one)
    await me.see(/me@cqlsh> /)
    me.controller.abort(new Error('time is up'))
    await assert.rejects(me.ended, /time is up/)
  })

  it('reads a password without showing it', async () => {
    const input = new PassThrough()
    const output = new PassThrough({ encoding: 'utf8' })
    const secret = readSecret({ input, output }, 'Password: ')
    input.write('-p\'a"s$ w\r')
    assert.equal(await secret, '-p\'a"s$ w')
    assert.equal(output.read(), 'Password: \n')
    const interrupted = readSecret({ input, output }, 'Password: ')
    input.write(CTRL_C)
    await assert.rejects(interrupted, { code: 'CSNI902', message: 'interrupted (Ctrl-C)' })
    const ended = readSecret({ input, output }, 'Password: ')
    input.write('\u0004')
    await assert.rejects(ended, { code: 'CSNI102', message: 'no password given' })
  })
})
