/** LOGIN and SHOW: who is logged in, and where. */
import { CassSniError, hint, type NextStep } from '../../errors.ts'
import { visible } from '../row-table.ts'
import type { ShellState } from '../shell-state.ts'
import { traceOf } from '../tracing.ts'
import { invalidSyntax, LITERAL, literalText, type ShellCommand, unsupported } from './shell-command.ts'

export const LOGIN: ShellCommand = {
  pattern: new RegExp(
    `^(?<user>"(?:[^"]|"")+"|${LITERAL}|\\w+)(?:\\s+(?<password>${LITERAL}))?$|^(?<bare>[\\w.-]+)(?:\\s[^]*)?$`,
  ),
  usage: "LOGIN <role> ['<password>']",
  summary: 'Log in as another role',
  details: 'Prompts for the password if it is omitted, and does not keep it in the history.',
  async run({ state, text, groups, signal }) {
    const { bare } = groups
    if (bare !== undefined) throw invalidSyntax(text, LOGIN.usage, quotedRole(bare))
    const user = roleName(groups['user'] ?? '')
    const password =
      groups['password'] === undefined
        ? await state.io.secret?.(`Password for ${visible(user)}: `, signal)
        : literalText(groups['password'])
    if (password === undefined)
      throw new CassSniError('CSNI102', `LOGIN ${user}: no password given and no terminal to prompt on`)
    await state.logIn({ user, password }, signal).catch((error: unknown) => {
      // Its next steps are flags of the command line.
      if (!(error instanceof CassSniError) || error.code !== 'CSNI604') throw error
      throw new CassSniError('CSNI604', error.message, { cause: error })
    })
    return undefined
  },
}

/** A hint for a role whose name has other characters than letters, digits and underscores. */
function quotedRole(role: string): NextStep[] {
  return /^\w+$/.test(role) ? [] : [hint(`quote the role: LOGIN "${role}"`)]
}

function roleName(text: string): string {
  if (text.startsWith('"')) return text.slice(1, -1).replaceAll('""', '"')
  return /^['$]/.test(text) ? literalText(text) : text
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'

export const SHOW: ShellCommand = {
  pattern: new RegExp(`^(?:(?<what>host|version)|session\\s+(?<trace>${UUID})|(?<replicas>replicas\\b.*))$`, 'i'),
  usage: 'SHOW HOST | VERSION | SESSION <trace id>',
  summary: 'Show the connection, the versions or a trace',
  async run({ state, groups: { what, trace, replicas }, signal }) {
    if (replicas !== undefined)
      throw unsupported('SHOW REPLICAS', 'nodetool getendpoints lists the replicas of a partition key')
    if (trace !== undefined) await showTrace(state, trace.toLowerCase(), signal)
    else if (what?.toUpperCase() === 'HOST') await state.answer(`${visible(state.settings.host)}\n`)
    else await state.answer(await versions(state, signal))
    return undefined
  },
}

async function showTrace(state: ShellState, trace: string, signal: AbortSignal): Promise<void> {
  const query = `SELECT session_id FROM system_traces.sessions WHERE session_id = ${trace}`
  const { rows } = await state.session.execute(query, { signal, consistency: 'ONE' })
  if (rows.length === 0) throw new CassSniError('CSNI101', `no trace session ${trace}`)
  await state.answer(await traceOf(state.session, trace, signal, state.settings.cqlshrc.tracing.maxTraceWaitMs))
}

async function versions({ session, settings }: ShellState, signal: AbortSignal): Promise<string> {
  const page = await session.execute('SELECT release_version, cql_version FROM system.local', { signal })
  const [release, cql] = (page.rows[0] ?? []).map((cell) => visible(String(cell)))
  return (
    `[cqlsh-sni ${settings.version} | Cassandra ${release} | CQL spec ${cql} | ` +
    `Native protocol v${session.protocolVersion}]\n`
  )
}
