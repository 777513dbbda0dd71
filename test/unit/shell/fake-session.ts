import type { CqlColumn, CqlPage, CqlSession, ExecuteOptions } from '../../../src/lib/connection/cql-session.ts'
import { NO_CQLSHRC } from '../../../src/lib/shell/cqlshrc.ts'
import { CqlShell } from '../../../src/lib/shell/shell.ts'
import type { ShellIo, ShellSettings } from '../../../src/lib/shell/shell-state.ts'
import { tableSink } from '../../../src/lib/shell/results.ts'
import { width } from '../../../src/lib/output/table.ts'

export type Answer = (statement: string, options: ExecuteOptions) => Promise<CqlPage> | CqlPage

/** A session that answers as it is told, and remembers what it was asked. */
export class FakeSession implements CqlSession {
  readonly protocolVersion = 4
  readonly asked: { statement: string; options: ExecuteOptions }[] = []
  inUse: string | undefined
  readonly #answer: Answer

  constructor(answer: Answer = () => ({ rows: [], warnings: [] })) {
    this.#answer = answer
  }

  keyspace(): string | undefined {
    return this.inUse
  }

  async execute(statement: string, options: ExecuteOptions = {}): Promise<CqlPage> {
    this.asked.push({ statement, options })
    return this.#answer(statement, options)
  }

  bulk(): never {
    throw new Error('this session has no prepared statements')
  }

  closed = false

  async close(): Promise<void> {
    this.closed = true
  }
}

export function columns(...names: string[]): CqlColumn[] {
  return names.map((name) => ({ name, type: { kind: 'simple', name: 'text' } }))
}

/** A shell on a fake session, and what it wrote. */
export function fakeShell(
  session: FakeSession,
  io: Partial<ShellIo> = {},
  settings: Partial<ShellSettings> = {},
): { shell: CqlShell; written: () => string; notes: () => string } {
  let written = ''
  let notes = ''
  const shell = CqlShell.on(
    session,
    {
      write: async (text) => {
        written += text
      },
      note: (text) => {
        notes += text
      },
      ...io,
    },
    {
      sink: tableSink({ width }),
      fileSink: () => tableSink({ width }),
      host: 'Connected to dse',
      user: 'dse-superuser',
      version: '1.2.3',
      pageSize: 2,
      cqlshrc: NO_CQLSHRC,
      connect: () => Promise.reject(new Error('this shell opens no other session')),
      ...settings,
    },
  )
  return { shell, written: () => written, notes: () => notes }
}
