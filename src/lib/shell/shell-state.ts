/** What a shell remembers between statements, and what it reads and writes through. */
import type { CqlSession } from '../connection/cql-session.ts'
import type { Capture } from './capture.ts'
import type { Cqlshrc } from './cqlshrc.ts'
import type { ResultSink } from './results.ts'

/** What the shell reads and writes through. */
export interface ShellIo {
  /** Results; resolves when more can be taken. */
  write(text: string): Promise<void>
  /** What is not a result: warnings, and answers of the shell's commands when results are data. */
  note(text: string): void
  /** Notes are shown on a terminal: a line may be replaced. */
  noteTerminal?: boolean | undefined
  /** Text of stdin, or rows typed at the terminal; absent when statements come from a pipe there. */
  stdin?: ((signal: AbortSignal) => AsyncIterable<string>) | undefined
  /** Asks whether to show the next page; absent off a terminal. */
  more?: ((signal: AbortSignal) => Promise<boolean>) | undefined
  /** Absent off a terminal. */
  clear?: (() => void) | undefined
  /** Results go to a terminal. */
  terminal?: boolean | undefined
  /** Width of the terminal; absent off one. */
  columns?: (() => number | undefined) | undefined
  /** The lines of the history, oldest first; absent off a terminal. */
  history?: (() => readonly string[]) | undefined
  /** Reads a line without showing or remembering it; absent off a terminal. */
  secret?: ((prompt: string, signal: AbortSignal) => Promise<string>) | undefined
}

export interface ShellSettings {
  sink: ResultSink
  /** Makes the sink for a file (CAPTURE). Absent when all results are one document. */
  fileSink?: (() => ResultSink) | undefined
  /** Text of SHOW HOST. */
  host: string
  /** The role that is logged in. */
  user: string
  /** Of this program, for SHOW VERSION. */
  version: string
  /** Rows per page. */
  pageSize: number
  /** Default: ONE, as in cqlsh. */
  consistency?: string | undefined
  /** Default: SERIAL. */
  serialConsistency?: string | undefined
  cqlshrc: Cqlshrc
  /** Opens another session (LOGIN, USE in a file of SOURCE), by default as the role of the first one. */
  connect(keyspace: string | undefined, login: Login | undefined, signal: AbortSignal): Promise<CqlSession>
}

/** A role other than that of the first session. */
export interface Login {
  user: string
  password: string
}

const HISTORY_SHOWN = 50

/** The shell's state, which its commands show and change. */
export class ShellState {
  readonly io: ShellIo
  readonly settings: ShellSettings
  /** The state of the shell that executes SOURCE; undefined unless this one executes the file. */
  readonly #outer: ShellState | undefined
  #session: CqlSession
  #login: Login | undefined
  consistency: string
  serialConsistency: string
  paging = true
  pageSize: number
  tracing = false
  #expanded = false
  elapsed = false
  /** Lines that HISTORY shows. */
  historyShown = HISTORY_SHOWN
  capture: Capture | undefined

  constructor(session: CqlSession, io: ShellIo, settings: ShellSettings, outer?: ShellState) {
    this.#session = session
    this.io = io
    this.settings = settings
    this.#outer = outer
    this.consistency = settings.consistency ?? 'ONE'
    this.serialConsistency = settings.serialConsistency ?? 'SERIAL'
    this.pageSize = settings.pageSize
  }

  /** Returns the state for a file of SOURCE: it begins with these settings, and its changes end with the file. */
  forFile(): ShellState {
    // as in cqlsh, the rows of a file are not shown page by page
    const state = new ShellState(this.#session, { ...this.io, more: undefined }, this.settings, this)
    state.#login = this.#login
    state.#expanded = this.#expanded
    state.consistency = this.consistency
    state.serialConsistency = this.serialConsistency
    state.paging = this.paging
    state.pageSize = this.pageSize
    state.tracing = this.tracing
    state.elapsed = this.elapsed
    state.historyShown = this.historyShown
    return state
  }

  get session(): CqlSession {
    return this.#session
  }

  /** The role that is logged in. */
  get user(): string {
    return this.#login?.user ?? this.settings.user
  }

  /** Continues as another role. If the login is refused, the session remains. */
  async logIn(login: Login, signal: AbortSignal): Promise<void> {
    await this.#replaceSession(await this.settings.connect(this.#session.keyspace(), login, signal))
    this.#login = login
  }

  /** Opens a session for the statements of a file, unless they have one: USE affects the whole session. */
  async separateSession(signal: AbortSignal): Promise<void> {
    if (!this.#sharesSession) return
    await this.#replaceSession(await this.settings.connect(this.#session.keyspace(), this.#login, signal))
  }

  async #replaceSession(session: CqlSession): Promise<void> {
    const previous = this.#sharesSession ? undefined : this.#session
    this.#session = session
    await previous?.close()
  }

  get #sharesSession(): boolean {
    return this.#session === this.#outer?.session
  }

  get expanded(): boolean {
    return this.#expanded
  }

  set expanded(on: boolean) {
    this.#expanded = on
    this.#expandSinks(on)
  }

  #expandSinks(on: boolean): void {
    this.settings.sink.expand?.(on)
    this.capture?.sink.expand?.(on)
    if (this.#outer !== undefined) this.#outer.#expandSinks(on)
  }

  /** Results go to the file of CAPTURE. */
  get captured(): boolean {
    return this.capture !== undefined || this.#outer?.captured === true
  }

  /** Where results go: to the file of CAPTURE, else to the output of the shell. */
  get sink(): ResultSink {
    return this.capture?.sink ?? this.#outer?.sink ?? this.settings.sink
  }

  /** Writes a part of a result. Throws CSNI104 when it goes to a file that cannot be written. */
  async write(text: string): Promise<void> {
    await (this.capture ?? this.#outer ?? this.io).write(text)
  }

  /** An answer of a command: no result, so it never gets between data, nor into a captured file. */
  async answer(text: string): Promise<void> {
    if (this.settings.sink.data) this.io.note(text)
    else await this.io.write(text)
  }

  /** Ends the session and closes the file of CAPTURE. After a file of SOURCE, those of the outer shell remain. */
  async close(): Promise<void> {
    await this.capture?.close()
    this.capture = undefined
    if (!this.#sharesSession) await this.#session.close()
    if (this.#outer !== undefined) this.#expandSinks(this.#outer.expanded)
  }
}
