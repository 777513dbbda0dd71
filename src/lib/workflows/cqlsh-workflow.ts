/** `cqlsh-sni`: a CQL shell through the gateway. Where statements come from and results go is handed to it. */
import { type CqlSession, preloadDriver } from '../connection/cql-session.ts'
import { NO_CQLSHRC, type Cqlshrc } from '../shell/cqlshrc.ts'
import type { StatementResult } from '../shell/json-results.ts'
import { CqlShell } from '../shell/shell.ts'
import type { ShellIo, ShellSettings } from '../shell/shell-state.ts'
import type { StatementSource } from '../shell/statement-source.ts'
import { type Access, observeAccess, openSession, type SessionChoice } from './cqlsh-session.ts'
import type { WorkflowContext } from './context.ts'

type Settings = Pick<ShellSettings, 'sink' | 'fileSink' | 'version' | 'consistency' | 'serialConsistency'>

export interface CqlshOptions
  extends SessionChoice,
    Settings,
    Pick<ShellIo, 'write' | 'note' | 'noteTerminal' | 'terminal'> {
  source: StatementSource
  /** Rows per page; default: what suits the source. */
  pageSize?: number | undefined
  cqlshrc?: Cqlshrc | undefined
}

/** What `-o json` shows (kind CqlResult). */
export interface CqlResult {
  /** False if a statement failed and the run continued (--continue-on-error). */
  ok: boolean
  /**
   * One for each statement of CQL and each that failed, in order; those without a result have no columns. Written
   * while the statements are executed, for -o json and yaml.
   */
  statements: StatementResult[]
}

/**
 * Executes statements until the source ends or the user exits.
 * Throws the first error with its position unless the source continues after errors; see `observeAccess` and
 * `openCqlSession` for the rest.
 */
export async function cqlsh(context: WorkflowContext, options: CqlshOptions): Promise<CqlResult> {
  const { source, sink, write, note, noteTerminal, terminal, pageSize = source.pageSize } = options
  const { cqlshrc = NO_CQLSHRC } = options
  const { connection } = cqlshrc
  const choice: SessionChoice = {
    ...options,
    connectTimeoutMs: options.connectTimeoutMs ?? connection.timeoutMs,
    statementTimeoutMs: options.statementTimeoutMs ?? connection.requestTimeoutMs,
  }
  const [access] = await Promise.all([observeAccess(context, choice), preloadDriver()])
  let session: CqlSession | undefined
  let shell: CqlShell | undefined
  try {
    // Before it connects, so that no key is lost while it does.
    const io: ShellIo = { write, note, noteTerminal, terminal, ...(await source.open()) }
    session = await openSession(context, access, choice)
    shell = CqlShell.on(session, io, {
      sink,
      fileSink: options.fileSink,
      host: hostText(access),
      user: access.credentials.username,
      version: options.version,
      pageSize,
      consistency: options.consistency,
      serialConsistency: options.serialConsistency,
      cqlshrc,
      connect: (keyspace, login, signal) => {
        const credentials =
          login === undefined ? access.credentials : { username: login.user, password: login.password }
        return openSession({ ...context, signal }, { ...access, credentials }, { ...choice, keyspace })
      },
    })
    const { ok } = await source.run(shell, context.signal)
    return { ok, statements: [] }
  } finally {
    source.close()
    await (shell ?? session)?.close()
  }
}

function hostText({ datacenter, dialer, target }: Access): string {
  const { clusterName, cassandraName } = datacenter
  const node = target === undefined ? '' : `, node ${target.hostId}`
  return `Connected to ${clusterName} (datacenter ${cassandraName}${node}) via ${dialer.describe}.`
}
