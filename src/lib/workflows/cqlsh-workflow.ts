/** `cqlsh-sni`: a CQL shell through the gateway. Where statements come from and results go is handed to it. */
import type { ResultSink, StatementResult } from '../shell/results.ts'
import { CqlShell, type ShellIo } from '../shell/shell.ts'
import type { StatementSource } from '../shell/statement-source.ts'
import { type Access, observeAccess, openSession, type SessionChoice } from './cqlsh-session.ts'
import type { WorkflowContext } from './context.ts'

export interface CqlshOptions extends SessionChoice, Pick<ShellIo, 'write' | 'note'> {
  source: StatementSource
  sink: ResultSink
  /** Rows per page; default: what suits the source. */
  pageSize?: number | undefined
}

/** What `-o json` shows (kind CqlResult). */
export interface CqlResult {
  /** False when a statement failed and the run went on (--continue-on-error). */
  ok: boolean
  /**
   * One for each statement of CQL, in order; those without a result have no columns. Empty unless the output is JSON.
   */
  statements: StatementResult[]
}

/**
 * Executes statements until there are no more, or the user leaves.
 * Throws the first error with its position unless the source goes on after it; see `observeAccess` and `openCqlSession`
 * for the rest.
 */
export async function cqlsh(context: WorkflowContext, options: CqlshOptions): Promise<CqlResult> {
  const { source, sink, write, note, pageSize = source.pageSize } = options
  const access = await observeAccess(context, options)
  const session = await openSession(context, access, options)
  try {
    const io: ShellIo = { write, note, ...(await source.open()) }
    const shell = new CqlShell(session, io, { sink, host: hostText(access), pageSize })
    const { ok } = await source.run(shell, { user: access.credentials.username, signal: context.signal })
    return { ok, statements: sink.kept() }
  } finally {
    source.close()
    await session.close()
  }
}

function hostText({ datacenter, dialer, target }: Access): string {
  const node = target === undefined ? '' : `, node ${target.hostId}`
  return `Connected to ${datacenter.clusterName} (datacenter ${datacenter.cassandraName}${node}) by ${dialer.describe}.`
}
