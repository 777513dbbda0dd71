import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bracketed, KEY, openTerminal, type Terminal, type TerminalSize } from '../../support/terminal.ts'

const PROGRAM = join(import.meta.dirname, '../../support/shell-at-terminal.ts')
const PROMPT = /me@cqlsh:shop> $/

interface Person extends Terminal {
  /** What was executed so far. */
  executed(): Promise<string[]>
}

describe('the shell at a pseudo-terminal', function () {
  this.timeout(60_000)
  let directory: string
  let file: string
  let me: Person | undefined

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cass-sni-pty-'))
    file = join(directory, 'executed')
  })
  afterEach(async () => {
    me?.kill()
    me = undefined
    await rm(directory, { recursive: true, force: true })
  })

  function shell(size: TerminalSize = {}, env: Record<string, string> = {}, command?: string[]): Person {
    const [program = '', ...args] = command ?? [process.execPath, PROGRAM, file]
    const all = { HOME: directory, XDG_CACHE_HOME: directory, INPUTRC: join(directory, 'inputrc'), ...env }
    const terminal = openTerminal(program, args, all, size)
    const executed = async (): Promise<string[]> => {
      const text = await readFile(file, 'utf8').catch(() => '')
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as string)
    }
    me = { ...terminal, executed }
    return me
  }

  const inserts = Array.from({ length: 200 }, (_, index) => `INSERT INTO t (k, v) VALUES (${index}, 'v ${index}')`)
  const literal = Array.from({ length: 11_000 }, (_, index) => String.fromCodePoint(0x21 + (index % 90)))
    .join('')
    .replaceAll("'", "''")
  const large = `INSERT INTO t (k, v) VALUES (1, '${literal} é 漢字 👩‍👩‍👧')`

  it('executes 200 pasted lines and an 11 KB literal byte for byte, without marks around the paste', async () => {
    const my = shell()
    await my.see(PROMPT)
    my.type([...inserts, large].map((line) => `${line};\r`).join(''))
    await my.see(/👧[\s\S]*\(1 row\)[\s\S]*cqlsh:shop> $/)
    assert.deepEqual(await my.executed(), [...inserts, large])
  })

  it('executes the same in a bracketed paste, once Enter is pressed', async () => {
    const my = shell()
    await my.see(PROMPT)
    assert.match(my.raw(), /\x1b\[\?2004h/)
    my.type(bracketed([...inserts, large].map((line) => `${line};\n`).join('')))
    await my.see('👧')
    assert.deepEqual(await my.executed(), [])
    my.type(KEY.enter)
    await my.see(/\(1 row\)\s+me@cqlsh:shop> $/)
    assert.deepEqual(await my.executed(), [...inserts, large])
  })

  it('a tab within a paste is a character', async () => {
    const my = shell()
    await my.see(PROMPT)
    my.type("INSERT INTO t\t(v)\tVALUES\t('\t');\r")
    await my.see(/\(1 row\)[\s\S]*> $/)
    my.type(bracketed("SELECT\t'\t';"))
    my.type(KEY.enter)
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.deepEqual(await my.executed(), ["INSERT INTO t\t(v)\tVALUES\t('\t')", "SELECT\t'\t'"])
  })

  it('what is typed while a statement runs comes after the prompt, in order', async () => {
    const my = shell()
    await my.see(PROMPT)
    my.type('SELECT SLOW;\r')
    await new Promise((resolve) => setTimeout(resolve, 200))
    my.type('SELECT lost')
    my.type(KEY.ctrlC)
    await my.see(/CSNI902[\s\S]*> $/)
    my.type('SELECT PAGES;\rSELECT k FROM te')
    await my.see(/there are more[\s\S]*> SELECT k FROM te/)
    my.type('xts WHERE k=1;\r')
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.deepEqual(await my.executed(), ['SELECT SLOW', 'SELECT PAGES', 'SELECT k FROM texts WHERE k=1'])
  })

  it('a paste is no answer to --More--', async () => {
    const my = shell()
    await my.see(PROMPT)
    my.type('SELECT PAGES;\r')
    await my.see('--More--')
    my.type(' ')
    await my.see('--More--')
    my.type("INSERT INTO t (k) VALUES ('q');\rINSERT INTO t (k) VALUES (' ');\r")
    await my.see(/2 rows, there are more[\s\S]*1 row\)[\s\S]*1 row\)[\s\S]*> $/)
    assert.deepEqual(await my.executed(), [
      'SELECT PAGES',
      "INSERT INTO t (k) VALUES ('q')",
      "INSERT INTO t (k) VALUES (' ')",
    ])
    my.type('SELECT PAGES;\r')
    await my.see('--More--')
    my.type(KEY.ctrlD)
    await my.see(/there are more[\s\S]*> $/)
    my.type(KEY.ctrlD)
    assert.equal(await my.ended, 0)
  })

  it('Ctrl-Z at the prompt, while a statement runs and at --More--, then fg', async () => {
    const my = shell({}, { PS1: 'bash$ ' }, ['bash', '--norc', '--noprofile', '-i'])
    await my.see('bash$ ')
    my.type(`'${process.execPath}' '${PROGRAM}' '${file}'\r`)
    await my.see(PROMPT)
    my.type('SELECT b')
    await my.see('SELECT b')
    my.type(KEY.ctrlZ)
    await my.see(/Stopped[\s\S]*bash\$ $/)
    assert.match(my.raw(), /\x1b\[\?2004l/)
    my.type('fg\r')
    await my.see(/cqlsh:shop> SELECT b$/)
    await new Promise((resolve) => setTimeout(resolve, 400))
    assert.match(my.shown(), /fg[^>]*cqlsh:shop> SELECT b$/, 'the prompt is shown once')
    my.type(';\r')
    await my.see(/\(1 row\)[\s\S]*> $/)
    my.type('SELECT SLOW;\r')
    await new Promise((resolve) => setTimeout(resolve, 200))
    my.type(KEY.ctrlZ)
    await my.see(/Stopped[\s\S]*bash\$ $/)
    my.type('fg\r')
    await new Promise((resolve) => setTimeout(resolve, 200))
    my.type(KEY.ctrlC)
    await my.see(/CSNI902[\s\S]*> $/)
    my.type('SELECT PAGES;\r')
    await my.see('--More--')
    my.type(KEY.ctrlZ)
    await my.see(/Stopped[\s\S]*bash\$ $/)
    my.type('fg\r')
    await my.see('--More--')
    my.type('q')
    await my.see(/there are more[\s\S]*> $/)
    my.type(KEY.ctrlD)
    await my.see('bash$ ')
    my.type('stty -a\r')
    const modes = await my.see(/ echo[\s\S]*bash\$ $/)
    assert.match(modes, / icanon[\s\S]* icrnl|icrnl[\s\S]* icanon/)
    assert.deepEqual(await my.executed(), ['SELECT b', 'SELECT SLOW', 'SELECT PAGES'])
  })

  it('Ctrl-C before the first prompt ends it with 130, Ctrl-D there ends it at the prompt', async () => {
    const my = shell({}, { CONNECT_MS: '20000' })
    await my.see('connecting')
    my.type(KEY.ctrlC)
    assert.equal(await my.ended, 130)
    assert.match(my.raw(), /\x1b\[\?2004l/)
    const again = shell({}, { CONNECT_MS: '300' })
    await again.see('connecting')
    again.type(`SELECT early;\r${KEY.ctrlD}`)
    assert.equal(await again.ended, 0)
    assert.deepEqual(await again.executed(), ['SELECT early'])
  })

  it('Ctrl-D within a statement executes nothing of it and reports that', async () => {
    const my = shell()
    await my.see(PROMPT)
    my.type('DELETE FROM t\r')
    await my.see(/\.\.\.> $/)
    my.type(KEY.ctrlD)
    assert.equal(await my.ended, 0)
    assert.match(my.raw(), /\.\.\.> \r*\nincomplete statement; not executed \[CSNI107\]/)
    assert.deepEqual(await my.executed(), [])
    const again = shell()
    await again.see(PROMPT)
    again.type('SELECT 1; -- done\r')
    await again.see(/\(1 row\)[\s\S]*> $/)
    again.type(KEY.ctrlD)
    assert.equal(await again.ended, 0)
    assert.doesNotMatch(again.raw(), /incomplete/)
  })

  it('Ctrl-C drops what was entered with the statement and after it', async () => {
    const my = shell()
    await my.see(PROMPT)
    my.type(bracketed('SELECT SLOW; SELECT second;'))
    my.type(KEY.enter)
    await new Promise((resolve) => setTimeout(resolve, 200))
    my.type('SELECT third;\r')
    my.type(KEY.ctrlC)
    await my.see(/CSNI902[\s\S]*> $/)
    my.type('SELECT fourth;\r')
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.deepEqual(await my.executed(), ['SELECT SLOW', 'SELECT fourth'])
  })

  it('Ctrl-R finds, goes further back, and Ctrl-G gives the line back', async () => {
    const my = shell()
    await my.see(PROMPT)
    for (const line of ['SELECT first;', 'SELECT second;', 'INSERT third;']) {
      my.type(`${line}\r`)
      await my.see(/\(1 row\)[\s\S]*> $/)
    }
    my.type(`half${KEY.ctrlR}SEL`)
    await my.seeOnScreen(/\(reverse-i-search\)`SEL': SELECT second;$/)
    my.type(KEY.ctrlR)
    await my.seeOnScreen(/\(reverse-i-search\)`SEL': SELECT first;$/)
    my.type(KEY.ctrlR)
    await my.seeOnScreen(/\(failed reverse-i-search\)`SEL': SELECT first;$/)
    my.type(KEY.ctrlG)
    await my.seeOnScreen(/me@cqlsh:shop> half$/)
    my.type(`${KEY.ctrlC}${KEY.ctrlR}second\r`)
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.equal((await my.executed()).at(-1), 'SELECT second')
  })

  it('a line wraps at 40 columns, is edited in its middle, and follows a new width', async () => {
    const my = shell({ columns: 40, rows: 12 })
    await my.see(PROMPT)
    const statement = `SELECT '${'0123456789'.repeat(6)}' FROM t;`
    my.type(statement)
    await my.see(/FROM t;/)
    const rows = (width: number, text: string): string[] =>
      `me@cqlsh:shop> ${text}`.match(new RegExp(`.{1,${width}}`, 'g')) ?? []
    assert.deepEqual((await my.screen()).slice(-rows(40, statement).length), rows(40, statement))
    my.type(`${KEY.ctrlA}\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[CX `)
    await my.see('X')
    const edited = statement.replace('SELECT', 'SELECTX ')
    assert.deepEqual((await my.screen()).slice(-rows(40, edited).length), rows(40, edited))
    my.resize(60, 12)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.deepEqual((await my.screen()).slice(-rows(60, edited).length), rows(60, edited))
    my.type(`${KEY.backspace}${KEY.backspace}\r`)
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.deepEqual(await my.executed(), [statement.slice(0, -1)])
  })

  it('TERM=dumb gets no escape sequence, and a line longer than the terminal is still whole', async () => {
    const my = shell({ columns: 40, type: 'dumb' })
    await my.see(PROMPT)
    const statement = `SELECT '${'0123456789'.repeat(20)}'`
    my.type(`${statement};\r`)
    await my.see(/\(1 row\)[\s\S]*> $/)
    my.type('SELECT PAGES;\r')
    await my.see('--More--')
    my.type(`q${KEY.up}${KEY.up}\r`)
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.doesNotMatch(my.raw(), /\x1b/)
    assert.deepEqual(await my.executed(), [statement, 'SELECT PAGES', statement])
  })

  it('the modes of the terminal are put back after Ctrl-D, SIGTERM and a crash', async () => {
    const ends: ((my: Person) => unknown)[] = [
      (my) => my.type(KEY.ctrlD),
      async () => process.kill(Number(await readFile(`${file}.pid`, 'utf8')), 'SIGTERM'),
      (my) => my.type('CRASH;\r'),
    ]
    for (const end of ends) {
      const my = shell({}, {}, ['bash', '-c', `'${process.execPath}' '${PROGRAM}' '${file}'; stty -a`])
      await my.see(PROMPT)
      await end(my)
      const modes = await my.see(/speed[\s\S]* echo /)
      assert.match(modes, / icanon/)
      assert.match(my.raw(), /\x1b\[\?2004l/)
      await my.ended
    }
  })

  it('Tab inserts the one candidate, what all have in common, and lists them the second time', async () => {
    const my = shell({ columns: 60 })
    await my.see(PROMPT)
    my.type('sel\t')
    await my.seeOnScreen(/> SELECT$/)
    my.type('* FROM ord\t')
    await my.seeOnScreen(/FROM order$/)
    my.type('\t')
    await my.seeOnScreen(/\norder_lines {2,}orders {2,}orders_by_day\nme@cqlsh:shop> SELECT \* FROM order$/)
    my.type('s W\t')
    await my.seeOnScreen(/FROM orders WHERE$/)
    my.type(`id = 1;${KEY.enter}`)
    await my.see(/\(1 row\)[\s\S]*> $/)
    assert.deepEqual(await my.executed(), ['SELECT * FROM orders WHERE id = 1'])
    my.type('SELECT * FROM system_views.many_\t')
    await my.see('\x07')
    my.type('\t')
    await my.seeOnScreen('Display all 120 possibilities? (y or n)')
    my.type('n')
    await my.seeOnScreen(/many_$/)
  })

  it('inputrc binds keys and sets what Tab does', async () => {
    const inputrc =
      'set show-all-if-ambiguous on\nset bell-style none\n"\\e[A": history-search-backward\nControl-o: kill-whole-line\n'
    await writeFile(join(directory, 'inputrc'), inputrc)
    const my = shell()
    await my.see(PROMPT)
    for (const line of ['SELECT first;', 'INSERT second;']) {
      my.type(`${line}\r`)
      await my.see(/\(1 row\)[\s\S]*> $/)
    }
    my.type(`SEL${KEY.up}`)
    await my.seeOnScreen(/> SELECT first;$/)
    my.type('\x0f')
    await my.seeOnScreen(/me@cqlsh:shop>$/)
    my.type('DROP TABLE ord\t')
    await my.seeOnScreen(/order_lines {2,}orders\n.*DROP TABLE order$/)
    assert.doesNotMatch(my.raw(), /\x07/)
  })

  it('a schema that takes long blocks neither the prompt nor what is typed', async () => {
    const my = shell({}, { SCHEMA_MS: '5000' })
    await my.see(PROMPT)
    my.type('SELECT * FROM cust\t')
    await new Promise((resolve) => setTimeout(resolve, 100))
    my.type('om;\r')
    await my.see(/\(1 row\)[\s\S]*> $/, 4_000)
    my.type('DROP TABLE cust\t')
    await my.seeOnScreen(/DROP TABLE customers$/)
    assert.deepEqual(await my.executed(), ['SELECT * FROM custom'])
  })

  it('a line that the terminal cut before the prompt is dropped, and nothing else is executed in its place', async () => {
    const my = shell({}, {}, ['bash', '-c', `echo ready; sleep 1; '${process.execPath}' '${PROGRAM}' '${file}'`])
    await my.see('ready', 5_000)
    my.type(`INSERT INTO t (v) VALUES ('${'x'.repeat(6_000)}');\r`)
    await my.see(/Discarded input typed before the prompt[\s\S]*> $/, 9_000)
    // What follows without a pause would belong to what was dropped.
    await new Promise((resolve) => setTimeout(resolve, 200))
    my.type('SELECT after;\r')
    await my.see(/\(1 row\)[\s\S]*> $/, 9_000)
    assert.deepEqual(await my.executed(), ['SELECT after'])
  })

  it('a password is not echoed, and what was typed before the question is not it', async () => {
    const my = shell({}, { ASK: '1' })
    my.type('early\r')
    await my.see('Password: ')
    my.type('wrong\x15secres\x7ft\r')
    await my.see(PROMPT)
    assert.doesNotMatch(my.raw().slice(my.raw().indexOf('Password: ')), /secre|wrong|early/)
    assert.deepEqual(await my.executed(), ['secret'])
  })

  it('Ctrl-Z, Ctrl-C and Ctrl-D at the password', async () => {
    const my = shell({}, { PS1: 'bash$ ', ASK: '1' }, ['bash', '--norc', '--noprofile', '-i'])
    await my.see('bash$ ')
    const start = `'${process.execPath}' '${PROGRAM}' '${file}'; echo "code $?"\r`
    my.type(start)
    await my.see('Password: ')
    my.type(KEY.ctrlZ)
    await my.see(/Stopped[\s\S]*bash\$ $/)
    my.type('fg\r')
    await my.see('Password: ')
    my.type(KEY.ctrlC)
    await my.see(/interrupted \(Ctrl-C\)[\s\S]*bash\$ $/)
    my.type(start)
    await my.see('Password: ')
    my.type(KEY.ctrlD)
    await my.see(/no password given[\s\S]*bash\$ $/)
    my.type('stty -a\r')
    assert.match(await my.see(/ echo[\s\S]*bash\$ $/), / icanon/)
    assert.deepEqual(await my.executed(), [])
  })
})
