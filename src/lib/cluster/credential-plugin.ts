/**
 * Credential plugins (`exec` in a kubeconfig user), run as kubectl runs them (kubernetes/client-go
 * plugin/pkg/client/auth/exec/exec.go): they inherit stderr, so that a login prompt is visible.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { isatty } from 'node:tty'
import { CassSniError, command, hint, throwIfAborted } from '../errors.ts'
import { durationText } from '../text/duration-text.ts'
import type { AuthenticationOptions, Credentials, CredentialSource } from './credential-source.ts'
import type { ChosenConfig } from './kubeconfig.ts'
import type { ExecEntry } from './kubeconfig-files.ts'
import { unreadable } from './kubeconfig-rules.ts'
import { contextFlags } from './api-errors.ts'

/** A plugin's output (client-go pkg/apis/clientauthentication/v1/types.go). */
interface Answer {
  apiVersion?: string
  kind?: string
  status?: {
    token?: string
    clientCertificateData?: string
    clientKeyData?: string
    expirationTimestamp?: string
  }
}

/** Limit for a plugin's output, in characters. */
const LARGEST_ANSWER = 4 * 1024 * 1024
/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 2000
/** The cluster extension that is passed to the plugin. */
const EXTENSION = 'client.authentication.k8s.io/exec'

/** Runs the plugin once for all concurrent callers, and again when the credentials expire or are rejected. */
export function pluginCredentials(
  config: ChosenConfig,
  exec: ExecEntry,
  options: AuthenticationOptions,
): CredentialSource {
  let known: { credentials: Credentials; expires: number } | undefined
  let running: Promise<Credentials> | undefined
  return (refused) => {
    if (known && (refused === known.credentials || Date.now() > known.expires)) known = undefined
    if (known) return Promise.resolve(known.credentials)
    running ??= run(config, exec, options)
      .then((fresh) => {
        known = fresh
        return fresh.credentials
      })
      .finally(() => {
        running = undefined
      })
    return running
  }
}

async function run(config: ChosenConfig, exec: ExecEntry, options: AuthenticationOptions) {
  const failed = (why: string, cause?: unknown) =>
    new CassSniError('CSNI202', `credential plugin ${exec.command} for user "${config.target.user}": ${why}`, {
      next: [command`kubectl ${contextFlags(config.target)} get --raw /version`],
      cause,
    })
  const terminal = terminalIsFree()
  if (exec.interactiveMode === 'Always' && !terminal) throw failed('requires an interactive terminal')
  const interactive = exec.interactiveMode !== 'Never' && terminal
  const output = await outputOf(config, exec, interactive, options, failed)
  let answer: Answer | null
  try {
    answer = JSON.parse(output) as Answer | null
  } catch {
    // the parser's message quotes the output, which contains the token
    throw failed('invalid ExecCredential: not JSON')
  }
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = answer?.status ?? {}
  if (answer?.kind !== 'ExecCredential') throw failed('invalid ExecCredential: unexpected kind')
  if (answer.apiVersion !== exec.apiVersion)
    throw failed(`invalid ExecCredential: apiVersion is not ${exec.apiVersion}, as set in the kubeconfig`)
  if (!token && !cert && !key) throw failed('invalid ExecCredential: neither a token nor a certificate')
  if (!cert !== !key) throw failed('invalid ExecCredential: certificate without key, or key without certificate')
  if (cert && key) {
    try {
      createSecureContext({ cert, key })
    } catch {
      throw failed('invalid ExecCredential: certificate or key unreadable, or key mismatch')
    }
  }
  const expires = expirationTimestamp ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY
  if (Number.isNaN(expires)) throw failed('invalid ExecCredential: invalid expirationTimestamp')
  const credentials: Credentials = { token, certificate: cert && key ? { cert, key } : undefined }
  return { credentials, expires }
}

/** Whether stdin is a terminal that is not in use: our own prompts set raw mode. */
function terminalIsFree(): boolean {
  return isatty(0) && !process.stdin.isRaw
}

function outputOf(
  config: ChosenConfig,
  exec: ExecEntry,
  interactive: boolean,
  { signal, env = process.env, requestTimeoutMs }: AuthenticationOptions,
  failed: (why: string, cause?: unknown) => CassSniError,
): Promise<string> {
  throwIfAborted(signal)
  const given = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value ?? '']))
  const child = spawn(exec.command ?? '', exec.args ?? [], {
    stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
    env: { ...env, ...given, KUBERNETES_EXEC_INFO: JSON.stringify(execInfo(config, exec, interactive)) },
  })
  return new Promise((resolve, reject) => {
    let output = ''
    let reason: unknown
    let kill: NodeJS.Timeout | undefined
    const end = (why: unknown) => {
      reason ??= why
      child.kill()
      kill ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
      // a child of the plugin may hold the pipe open
      child.stdout.destroy()
    }
    const abort = () => end(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    const late = requestTimeoutMs
      ? setTimeout(() => end(failed(`timed out after ${durationText(requestTimeoutMs)}`)), requestTimeoutMs)
      : undefined
    const finish = () => {
      clearTimeout(late)
      clearTimeout(kill)
      signal.removeEventListener('abort', abort)
    }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > LARGEST_ANSWER) end(failed('output too large'))
    })
    child.once('error', (error: NodeJS.ErrnoException) => {
      finish()
      reject(error.code === 'ENOENT' ? missing(config, exec) : failed(error.message, error))
    })
    child.once('close', (code, by) => {
      finish()
      if (reason !== undefined) reject(reason)
      else if (code === 0) resolve(output)
      else reject(failed(code === null ? `killed by ${by}` : `exit code ${code}`))
    })
  })
}

function missing({ target }: ChosenConfig, exec: ExecEntry): CassSniError {
  return new CassSniError('CSNI202', `credential plugin ${exec.command} for user "${target.user}": not found in PATH`, {
    next: [hint(exec.installHint || `install ${exec.command}`)],
  })
}

/** The value of KUBERNETES_EXEC_INFO (client-go rest/exec.go ConfigToExecCluster). */
function execInfo({ cluster }: ChosenConfig, exec: ExecEntry, interactive: boolean): object {
  const file = cluster['certificate-authority']
  return {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: {
      interactive,
      cluster:
        exec.provideClusterInfo === true
          ? {
              server: cluster.server,
              'tls-server-name': cluster['tls-server-name'] || undefined,
              'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'] || undefined,
              'certificate-authority-data':
                cluster['certificate-authority-data'] || (file ? authorityOf(file) : undefined),
              'proxy-url': cluster['proxy-url'] || undefined,
              'disable-compression': cluster['disable-compression'] || undefined,
              config: cluster.extensions?.find(({ name }) => name === EXTENSION)?.extension ?? null,
            }
          : undefined,
    },
  }
}

function authorityOf(file: string): string {
  try {
    return readFileSync(file).toString('base64')
  } catch (error) {
    throw unreadable(file, 'the CA certificate', error)
  }
}
