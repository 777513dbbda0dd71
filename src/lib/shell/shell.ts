/**
 * The CQL shell: executes statements and its own commands on a session, and writes what they tell. It knows no
 * terminal.
 */
import { CassSniError } from '../errors.ts'
import type { CqlPage, CqlSession, ExecuteOptions } from '../connection/cql-session.ts'
import { parseShellCommand, type ShellCommand } from './shell-commands.ts'
import { describe } from './describe.ts'
import { HELP } from './shell-help.ts'
import { cleanText, withoutPasswords } from './password-redaction.ts'
import type { ResultSink } from './results.ts'
import { visible } from './row-table.ts'
import { traceOf } from './tracing.ts'

/** What the shell reads and writes through. */
export interface ShellIo {
  /** Results; resolves when more can be taken. */
  write(text: string): Promise<void>
  /** What is not a result: warnings, and answers of the shell's commands when results are data. */
  note(text: string): void
  /** Asks whether to go on after a page; absent off a terminal. */
  more?: ((signal: AbortSignal) => Promise<boolean>) | undefined
  /** Absent off a terminal. */
  clear?: (() => void) | undefined
  /** Width of the terminal; absent off one. */
  columns?: (() => number | undefined) | undefined
}

export interface ShellSettings {
  sink: ResultSink
  /** Where the session leads to, for SHOW HOST. */
  host: string
  /** Rows per page. */
  pageSize: number
}

const SLOWEST_PAGE = 1_000

/** Executes one statement after another. SOURCE is given back to the caller, who knows files and positions. */
export class CqlShell {
  readonly session: CqlSession
  readonly #io: ShellIo
  readonly #settings: ShellSettings
  #consistency = 'ONE'
  #serialConsistency = 'SERIAL'
  #paging = true
  #pageSize: number
  #tracing = false
  #expanded = false

  constructor(session: CqlSession, io: ShellIo, settings: ShellSettings) {
    this.session = session
    this.#io = io
    this.#settings = settings
    this.#pageSize = settings.pageSize
  }

  /**
   * Executes a statement or a command. Resolves with what the caller has to do: leave, or execute a file.
   * Throws CqlStatementError (CSNI605), CSNI101 for a wrong command, a connection error, or the signal's reason.
   */
  async execute(text: string, signal: AbortSignal): Promise<{ exit?: true; source?: string }> {
    const command = parseShellCommand(text)
    if (command === undefined) {
      await this.#cql(text, signal).catch((error: unknown) => {
        throw withoutPasswords(error, text)
      })
      return {}
    }
    if (command.name === 'exit') return { exit: true }
    if (command.name === 'source') return { source: command.file }
    await this.#command(command, signal)
    return {}
  }

  async #command(command: Exclude<ShellCommand, { name: 'exit' | 'source' }>, signal: AbortSignal): Promise<void> {
    switch (command.name) {
      case 'help':
        return this.#answer(HELP)
      case 'clear':
        this.#io.clear?.()
        return
      case 'consistency':
        if (command.level !== undefined) this.#consistency = command.level
        return this.#answer(
          `${command.level === undefined ? 'Current consistency level is' : 'Consistency level set to'} ` +
            `${this.#consistency}.\n`,
        )
      case 'serial consistency':
        if (command.level !== undefined) this.#serialConsistency = command.level
        return this.#answer(
          `${command.level === undefined ? 'Current serial consistency level is' : 'Serial consistency level set to'}` +
            ` ${this.#serialConsistency}.\n`,
        )
      case 'paging':
        if (command.size !== undefined) {
          this.#paging = command.size !== 'off'
          if (typeof command.size === 'number') this.#pageSize = command.size
        }
        return this.#answer(this.#paging ? `Paging is on, ${this.#pageSize} rows at once.\n` : 'Paging is off.\n')
      case 'expand':
        if (command.on !== undefined) this.#expanded = command.on
        this.#settings.sink.expand?.(this.#expanded)
        return this.#answer(`Expanded output is ${this.#expanded ? 'on' : 'off'}.\n`)
      case 'tracing':
        if (command.on !== undefined) this.#tracing = command.on
        return this.#answer(`Tracing is ${this.#tracing ? 'on' : 'off'}.\n`)
      case 'show':
        return this.#answer(command.what === 'host' ? `${visible(this.#settings.host)}\n` : await this.#version(signal))
      case 'describe':
        return this.#describe(command.text, signal)
    }
  }

  async #version(signal: AbortSignal): Promise<string> {
    const page = await this.session.execute(
      'SELECT release_version, cql_version, native_protocol_version FROM system.local',
      { signal },
    )
    const [release, cql, protocol] = (page.rows[0] ?? []).map((cell) => visible(String(cell)))
    return `[Cassandra ${release} | CQL spec ${cql} | Native protocol v${protocol}]\n`
  }

  async #describe(text: string, signal: AbortSignal): Promise<void> {
    const described = await describe(this.session, text, signal, this.#io.columns?.())
    if (this.#settings.sink.data) {
      const result = this.#settings.sink.begin(described.columns)
      await this.#io.write(result.page(described.rows) + result.end())
    } else await this.#io.write(described.text)
  }

  /** An answer of a command: no result, so it never gets between data. */
  async #answer(text: string): Promise<void> {
    if (this.#settings.sink.data) this.#io.note(text)
    else await this.#io.write(text)
  }

  async #cql(text: string, signal: AbortSignal): Promise<void> {
    const options: ExecuteOptions = {
      // Off a terminal, or with PAGING OFF, rows still come in pages: a big table must not have to fit into memory.
      pageSize: this.#paging ? this.#pageSize : Math.max(this.#pageSize, SLOWEST_PAGE),
      consistency: this.#consistency,
      serialConsistency: this.#serialConsistency,
      signal,
    }
    let page = await this.session.execute(text, { ...options, trace: this.#tracing })
    const { traceId } = page
    this.#warn(page, text)
    if (page.columns === undefined) this.#settings.sink.nothing()
    else {
      const result = this.#settings.sink.begin(page.columns)
      let stopped = false
      for (;;) {
        const { pageState } = page
        const stops = this.#paging && this.#io.more !== undefined
        // The next page is fetched while this one is written, unless somebody reads first.
        const next =
          pageState === undefined || stops ? undefined : this.session.execute(text, { ...options, pageState })
        next?.catch(() => undefined)
        if (page.rows.length > 0) await this.#io.write(result.page(page.rows))
        if (pageState === undefined) break
        stopped = stops && !(await this.#io.more?.(signal))
        if (stopped) break
        if (signal.aborted) throw interrupted(signal)
        page = await (next ?? this.session.execute(text, { ...options, pageState }))
        this.#warn(page, text)
      }
      await this.#io.write(result.end(stopped))
    }
    if (traceId !== undefined) this.#io.note(cleanText(await traceOf(this.session, traceId, signal), text))
  }

  #warn(page: CqlPage, statement: string): void {
    for (const warning of page.warnings)
      this.#io.note(`Warning of Cassandra: ${visible(cleanText(warning, statement))}\n`)
  }
}

function interrupted(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new CassSniError('CSNI902', 'interrupted')
}
