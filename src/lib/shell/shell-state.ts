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
  /** Text of stdin; absent when statements come from there. */
  stdin?: (() => AsyncIterable<string>) | undefined
  /** Asks whether to go on after a page; absent off a terminal. */
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
  /** Where the session leads to, for SHOW HOST. */
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
  /** Opens a session as another role, in this keyspace (LOGIN). */
  login?: ((role: Login, signal: AbortSignal) => Promise<CqlSession>) | undefined
}

export interface Login {
  user: string
  password: string
  keyspace: string | undefined
}

const HISTORY_SHOWN = 50

/** The shell's state, which its commands show and change. */
export class ShellState {
  readonly io: ShellIo
  readonly settings: ShellSettings
  session: CqlSession
  user: string
  consistency: string
  serialConsistency: string
  paging = true
  pageSize: number
  tracing = false
  expanded = false
  elapsed = false
  /** Lines that HISTORY shows. */
  historyShown = HISTORY_SHOWN
  capture: Capture | undefined

  constructor(session: CqlSession, io: ShellIo, settings: ShellSettings) {
    this.session = session
    this.io = io
    this.settings = settings
    this.user = settings.user
    this.consistency = settings.consistency ?? 'ONE'
    this.serialConsistency = settings.serialConsistency ?? 'SERIAL'
    this.pageSize = settings.pageSize
  }

  /** Where results go: to the file of CAPTURE, else to the output of the shell. */
  get sink(): ResultSink {
    return this.capture?.sink ?? this.settings.sink
  }

  /** Writes a part of a result. Throws CSNI104 when it goes to a file that cannot be written. */
  async write(text: string): Promise<void> {
    if (this.capture === undefined) await this.io.write(text)
    else await this.capture.write(text)
  }

  /** An answer of a command: no result, so it never gets between data, nor into a captured file. */
  async answer(text: string): Promise<void> {
    if (this.settings.sink.data) this.io.note(text)
    else await this.io.write(text)
  }

  /** Ends the session and closes the file of CAPTURE. */
  async close(): Promise<void> {
    await this.capture?.close()
    this.capture = undefined
    await this.session.close()
  }
}
