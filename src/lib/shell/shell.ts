/** The CQL shell: executes statements and its own commands on a session, and writes their results. No terminal. */
import { CassSniError } from '../errors.ts'
import { type CqlPage, type CqlSession, type ExecuteOptions, partsOf } from '../connection/cql-session.ts'
import type { Outcome } from './commands/shell-command.ts'
import { cleanText, withoutPasswords } from './password-redaction.ts'
import { withQuotingHint } from './unquoted-names.ts'
import { type OpenResult, pagePieces } from './results.ts'
import { visible } from './row-table.ts'
import { runCommand } from './shell-commands.ts'
import { type ShellIo, type ShellSettings, ShellState } from './shell-state.ts'
import { traceOf } from './tracing.ts'

const SLOWEST_PAGE = 1_000

/** Executes one statement after another. Reading the file of SOURCE is left to the caller, which reports positions. */
export class CqlShell {
  readonly #state: ShellState

  private constructor(state: ShellState) {
    this.#state = state
  }

  static on(session: CqlSession, io: ShellIo, settings: ShellSettings): CqlShell {
    return new CqlShell(new ShellState(session, io, settings))
  }

  /**
   * Returns a shell for a file of SOURCE. It begins with the settings of this one; what the file changes (keyspace,
   * role, consistency, …) ends when it is closed.
   */
  forFile(): CqlShell {
    return new CqlShell(this.#state.forFile())
  }

  /** The session in use: LOGIN opens another one. */
  get session(): CqlSession {
    return this.#state.session
  }

  /** The role that is logged in. */
  get user(): string {
    return this.#state.user
  }

  /**
   * Executes a statement or a command. Resolves with what the caller has to do: leave, or execute a file.
   * Throws CqlStatementError (CSNI605), CSNI608 (time limit), CSNI101 for a wrong command, a connection error, or the
   * signal's reason.
   */
  async execute(text: string, signal: AbortSignal): Promise<Outcome> {
    try {
      const outcome = await runCommand(text, this.#state, signal)
      if (outcome !== undefined) return outcome
      if (/^use\b/i.test(text)) await this.#state.separateSession(signal)
      const started = performance.now()
      await this.#cql(text, signal)
      if (this.#state.elapsed) await this.#state.answer(`(${Math.round(performance.now() - started)}ms elapsed)\n`)
      return {}
    } catch (error) {
      throw withoutPasswords(withQuotingHint(error, text), text)
    }
  }

  /** Ends the session, that of the outer shell excepted. */
  async close(): Promise<void> {
    await this.#state.close()
  }

  async #cql(text: string, signal: AbortSignal): Promise<void> {
    const state = this.#state
    const { sink, session, io } = state
    const options: ExecuteOptions = {
      // Off a terminal, or with PAGING OFF, rows still come in pages: a big table must not have to fit into memory.
      pageSize: state.paging ? state.pageSize : Math.max(state.pageSize, SLOWEST_PAGE),
      consistency: state.consistency,
      serialConsistency: state.serialConsistency,
      signal,
    }
    let page = await session.execute(text, { ...options, trace: state.tracing })
    const { traceId } = page
    const result = sink.begin(page.columns)
    await this.#warn(page, text, result)
    if (page.columns === undefined) await state.write(result.end())
    else {
      // A file has no end of the screen.
      const stops = state.paging && io.more !== undefined && !state.captured
      let stopped = false
      for (;;) {
        const { pageState } = page
        // The next page is fetched while this one is written, unless the user reads it first.
        const next = pageState === undefined || stops ? undefined : session.execute(text, { ...options, pageState })
        next?.catch(() => undefined)
        for (const text of pagePieces(result, partsOf(page))) await state.write(text)
        if (pageState === undefined) break
        stopped = stops && !(await io.more?.(signal))
        if (stopped) break
        if (signal.aborted) throw interrupted(signal)
        page = await (next ?? session.execute(text, { ...options, pageState }))
        await this.#warn(page, text, result)
      }
      await state.write(result.end(stopped))
    }
    if (traceId !== undefined) await this.#trace(traceId, text, signal)
  }

  async #trace(traceId: string, statement: string, signal: AbortSignal): Promise<void> {
    const { session, io, settings } = this.#state
    io.note(cleanText(await traceOf(session, traceId, signal, settings.cqlshrc.tracing.maxTraceWaitMs), statement))
  }

  async #warn(page: CqlPage, statement: string, result: OpenResult): Promise<void> {
    for (const warning of page.warnings) {
      const message = cleanText(warning, statement)
      this.#state.io.note(`Warning: ${visible(message)}\n`)
      await this.#state.write(result.warning?.(message) ?? '')
    }
  }
}

function interrupted(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new CassSniError('CSNI902', 'interrupted')
}
