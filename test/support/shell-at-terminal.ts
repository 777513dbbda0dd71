/**
 * The CQL shell on this terminal with a session that is none: a program for tests with a pseudo-terminal.
 * Usage: node shell-at-terminal.ts FILE. Each statement that is executed goes to FILE as a line of JSON.
 * SELECT SLOW answers when it is aborted, SELECT PAGES has many pages, FAIL is refused, CRASH is a bug; all else has one
 * row. The process id goes to FILE.pid. With ASK it asks for a password first, and that goes to FILE as well.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { Interruption } from '../../src/lib/cli/interruption.ts'
import { endProcess } from '../../src/lib/cli/process-end.ts'
import { statementError } from '../../src/lib/connection/cql-errors.ts'
import type { CqlPage, ExecuteOptions } from '../../src/lib/connection/cql-session.ts'
import { readSecret } from '../../src/lib/shell/secret-line.ts'
import { terminalSource } from '../../src/lib/shell/statement-source.ts'
import { columns, FakeSession, fakeShell } from '../unit/shell/fake-session.ts'
import { schemaAnswer } from './fake-schema.ts'

const [file = '/dev/null'] = process.argv.slice(2)
const { env, stdin, stdout } = process

async function answer(statement: string, options: ExecuteOptions): Promise<CqlPage> {
  const schema = schemaAnswer(statement)
  if (schema !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, Number(env['SCHEMA_MS'] ?? 0)))
    return schema
  }
  if (statement.startsWith('SELECT release_version')) return { rows: [['5.0.5', '3.4.7', '4']], warnings: [] }
  if (options.pageState !== undefined) return { columns: columns('a'), rows: [['x']], warnings: [], pageState: 'more' }
  appendFileSync(file, `${JSON.stringify(statement)}\n`)
  if (/^SELECT SLOW/i.test(statement)) {
    return new Promise((_, reject) => {
      // A timer keeps the process alive, as a connection does.
      const timer = setInterval(() => undefined, 1_000)
      options.signal?.addEventListener('abort', () => {
        clearInterval(timer)
        reject(options.signal?.reason)
      })
    })
  }
  if (/^FAIL/i.test(statement)) throw statementError(0x2000, "line 1:0 no viable alternative at input 'FAIL'")
  if (statement.startsWith('CRASH')) setImmediate(() => Promise.reject(new Error('crashed')))
  const pageState = /^SELECT PAGES/i.test(statement) ? 'more' : undefined
  return { columns: columns('a'), rows: [['x']], warnings: [], pageState }
}

writeFileSync(`${file}.pid`, String(process.pid))
const interruption = new Interruption()
const { signal } = interruption
const write = async (text: string): Promise<void> => void stdout.write(text)
const source = terminalSource(
  { input: stdin, output: stdout },
  { env, write, note: (text) => void stdout.write(text), red: (text) => text, steps: () => [], historyDisabled: false },
)
let code = 0
try {
  if (env['ASK'] !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, 500))
    const secret = await readSecret({ input: stdin, output: stdout }, 'Password: ')
    appendFileSync(file, `${JSON.stringify(secret)}\n`)
  }
  const extras = await source.open()
  const connecting = Number(env['CONNECT_MS'] ?? 0)
  stdout.write('connecting\n')
  if (connecting > 0)
    await new Promise((resolve, reject) => {
      setTimeout(resolve, connecting)
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  const session = new FakeSession(answer)
  session.inUse = 'shop'
  await source.run(fakeShell(session, { ...extras, write }, { user: 'me' }).shell, signal)
} catch (error) {
  code = interruption.exitCodeOf(interruption.reasonFor(error) ?? (error as never))
  stdout.write(`ended: ${(error as Error).message}\n`)
} finally {
  source.close()
  interruption.end()
}
await endProcess(code)
