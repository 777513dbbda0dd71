/** `cqlsh-sni --exec`: the user's own Python cqlsh, through a local port that adds TLS and SNI. */
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCredentials } from '../cassandra/credentials.ts'
import type { Credentials } from '../cassandra/datacenter.ts'
import { cqlshCredentials, cqlshrcForPort, isExpressible } from '../clients/client-files.ts'
import type { Dial } from '../connection/dialer.ts'
import { serveTunnel, type TunnelEvent } from '../connection/local-listener.ts'
import { CassSniError } from '../errors.ts'
import { readCqlshrcText } from '../shell/cqlshrc.ts'
import { systemError } from '../text/system-errors.ts'
import { type LoginChoice, namedLogin } from './client-login.ts'
import { type ContactChoice, observeContact } from './contact.ts'
import type { WorkflowContext } from './context.ts'
import { sniForwards } from './port-forward/sni-forwards.ts'

export interface CqlshExecOptions extends LoginChoice, ContactChoice {
  /** Arguments of cqlsh. With a user name in them, cqlsh gets no login from here. */
  args: readonly string[]
  /** The user's cqlshrc; default: ~/.cassandra/cqlshrc if it exists. */
  cqlshrc?: string | undefined
  /** Runs cqlsh with these arguments and variables. The port is open until it settles. */
  start: (args: string[], env: Record<string, string>) => Promise<void>
  /** Called for each connection of cqlsh that opens, closes or fails. */
  connection?: ((event: TunnelEvent) => void) | undefined
}

/** -u, -uNAME, --username and its abbreviations, as argparse reads them. */
const USERNAME = /^(-u|--u)/

/**
 * Verifies that a node answers, opens the port and runs cqlsh. cqlsh reads the login from a file that only its owner
 * can read and that is removed at the end: arguments are visible to other users.
 *
 * Throws what `observeContact`, `sniForwards` and reading the login throw, CSNI601 to CSNI603 if no node answers, and
 * CSNI104 or CSNI107 for the cqlshrc.
 */
export async function execCqlsh(context: WorkflowContext, options: CqlshExecOptions): Promise<void> {
  const { signal } = context
  const { contact } = observeContact(context, options)
  const dial: Dial = async (to) => (await (await contact).dialer).dial(to)
  const forwards = sniForwards(context, { ...options, sni: options.node ?? 'any', sameNode: true }, dial)
  // reported when it is awaited
  forwards.catch(() => undefined)
  const { datacenter } = await contact
  const login = options.args.some((arg) => USERNAME.test(arg))
    ? undefined
    : ((await namedLogin(options)) ?? (await readCredentials(context.kube, datacenter)))
  const [forward] = await forwards
  if (forward === undefined) throw new CassSniError('CSNI903', 'no forward for a node')
  // cqlsh would report a failure as "connection closed"
  const first = await forward.dial({ signal })
  first.destroy()
  const stop = new AbortController()
  const files = await writeFiles(login, options, signal)
  const removeAtExit = () => rmSync(files, { recursive: true, force: true })
  process.once('exit', removeAtExit)
  try {
    const tunnel = await serveTunnel({
      listen: { addresses: ['127.0.0.1'], port: 0 },
      dial: forward.dial,
      signal: AbortSignal.any([signal, stop.signal]),
      onEvent: options.connection,
    })
    try {
      const [{ host, port } = { host: '', port: 0 }] = tunnel.listening
      const credentials = login === undefined ? [] : ['--credentials', join(files, 'credentials')]
      const args = ['--cqlshrc', join(files, 'cqlshrc'), ...credentials, ...options.args]
      if (login !== undefined && !isExpressible(login.password)) {
        const message = 'cqlsh prompts for the password: its credentials file cannot contain it (white space at an end)'
        context.emit({ type: 'warning', message })
      }
      await options.start(args, { CQLSH_HOST: host, CQLSH_PORT: String(port) })
    } finally {
      stop.abort(new CassSniError('CSNI902', 'cqlsh has ended'))
      await tunnel.done
    }
  } finally {
    process.off('exit', removeAtExit)
    await rm(files, { recursive: true, force: true })
  }
}

/** Returns the directory with the files of cqlsh. */
async function writeFiles(
  login: Credentials | undefined,
  { cqlshrc }: CqlshExecOptions,
  signal: AbortSignal,
): Promise<string> {
  const own = await readCqlshrcText(cqlshrc, signal)
  const text = own === undefined ? '' : cqlshrcForPort(own.text, own.file, { login: login !== undefined })
  const directory = join(tmpdir(), 'cass-sni-cqlsh-')
  try {
    // 0700
    const made = await mkdtemp(directory)
    await writeFile(join(made, 'cqlshrc'), text, { mode: 0o600 })
    if (login !== undefined) await writeFile(join(made, 'credentials'), cqlshCredentials(login), { mode: 0o600 })
    return made
  } catch (error) {
    throw new CassSniError('CSNI104', `cannot write ${directory}*: ${systemError(error)}`, { cause: error })
  }
}
