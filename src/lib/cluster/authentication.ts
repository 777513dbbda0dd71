/**
 * Authentication to the API server: headers and TLS settings from the selected kubeconfig entries, as in client-go
 * (kubernetes/client-go transport/round_trippers.go, plugin/pkg/client/auth).
 */
import { readFileSync } from 'node:fs'
import { CassSniError, command, hint } from '../errors.ts'
import type { ChosenConfig } from './kubeconfig.ts'
import type {
  AuthenticationOptions,
  Authenticate,
  Credentials,
  CredentialSource,
  Security,
} from './credential-source.ts'
import { unreadable } from './kubeconfig-rules.ts'
import { tlsSettings } from './tls-settings.ts'

/** How long a token read from a file is cached: client-go transport/token_source.go, a minute less 10 s. */
const TOKEN_FILE_MS = 50_000

/** Prepares authentication: reads files, runs no plugin yet. Throws CSNI103 for a file that cannot be read. */
export async function authenticator(config: ChosenConfig, options: AuthenticationOptions): Promise<Authenticate> {
  const { env = process.env } = options
  // kubectl sends credentials over TLS only (client-go tools/clientcmd/client_config.go ClientConfig)
  if (!config.cluster.server.startsWith('https:')) {
    const plain = { headers: { ...impersonation(config), ...basic(config.login) }, tls: {} }
    return async () => plain
  }
  if (!identifies(config.user)) throw noCredentials(config)
  const tls = await tlsSettings(config, env)
  // in net/http, user and password in the URL take precedence over everything else
  const header = config.login === undefined ? fixedHeader(config) : () => basic(config.login)
  if (header !== undefined) return async () => ({ headers: { ...impersonation(config), ...header() }, tls: tls() })
  const source = await credentialSource(config, options)
  if (source === undefined) return async () => ({ headers: impersonation(config), tls: tls() })
  const origins = new WeakMap<Security, Credentials>()
  return async (refused) => {
    const credentials = await source(refused && origins.get(refused))
    const { token, certificate } = credentials
    const headers = impersonation(config)
    if (token) headers.Authorization = `Bearer ${token}`
    const security = { headers, tls: tls(certificate) }
    origins.set(security, credentials)
    return security
  }
}

/**
 * The Authorization header from static credentials in the kubeconfig or flags. Undefined without any; only then is a
 * plugin or auth provider used (client-go plugin/pkg/client/auth/exec/exec.go UpdateTransportConfig).
 */
function fixedHeader({ user }: ChosenConfig): (() => Record<string, string>) | undefined {
  const { token, tokenFile, username, password } = user
  if (tokenFile) {
    const read = tokenReader(tokenFile, token || undefined)
    return () => ({ Authorization: `Bearer ${read()}` })
  }
  if (token) return () => ({ Authorization: `Bearer ${token}` })
  if (username || password) return () => basic({ username, password })
  return undefined
}

function basic(
  login: { username?: string | undefined; password?: string | undefined } | undefined,
): Record<string, string> {
  if (login === undefined) return {}
  const text = `${login.username ?? ''}:${login.password ?? ''}`
  return { Authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}

/** Returns a reader of a token file that rereads it every minute and keeps the last token if that fails. */
function tokenReader(file: string, first: string | undefined): () => string {
  let last = first
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    if (performance.now() - readAt < TOKEN_FILE_MS && last !== undefined) return last
    try {
      const token = readFileSync(file, 'utf8').trim()
      if (token !== '') last = token
      readAt = performance.now()
    } catch (error) {
      if (last === undefined) throw unreadable(file, 'the token', error)
    }
    if (last === undefined) throw unreadable(file, 'the token', new Error('file is empty'))
    return last
  }
}

async function credentialSource(
  config: ChosenConfig,
  options: AuthenticationOptions,
): Promise<CredentialSource | undefined> {
  const { exec, 'auth-provider': provider, 'client-certificate': file, 'client-certificate-data': data } = config.user
  if (exec) {
    if (file || data) return undefined
    const { pluginCredentials } = await import('./credential-plugin.ts')
    return pluginCredentials(config, exec, options)
  }
  if (!provider) return undefined
  if (provider.name !== 'oidc') {
    throw new CassSniError(
      'CSNI202',
      `user "${config.target.user}" uses auth provider "${provider.name ?? ''}", which kubectl no longer supports`,
      { next: [command`kubectl config view`] },
    )
  }
  const { oidcCredentials } = await import('./oidc-login.ts')
  return oidcCredentials(config, provider.config ?? {}, options)
}

/** Whether the entry identifies a user (client-go tools/clientcmd/client_config.go canIdentifyUser). */
function identifies(user: ChosenConfig['user']): boolean {
  const { token, tokenFile, username, exec, 'auth-provider': provider } = user
  return Boolean(
    token || tokenFile || username || user['client-certificate'] || user['client-certificate-data'] || exec || provider,
  )
}

/** Without credentials kubectl prompts for a name and password; it never connects anonymously. */
function noCredentials({ target }: ChosenConfig): CassSniError {
  const missing = target.user === '' ? 'no user' : `no credentials for user "${target.user}"`
  return new CassSniError('CSNI103', `the kubeconfig has ${missing} (context "${target.context}")`, {
    next: [hint('log in to the cluster first'), command`kubectl config view`],
  })
}

function impersonation({ user }: ChosenConfig): Security['headers'] {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user
  const headers: Security['headers'] = {}
  if (!as) return headers
  headers['Impersonate-User'] = as
  // an array becomes one header line per group, as the API server requires
  if (groups?.length) headers['Impersonate-Group'] = groups
  if (uid) headers['Impersonate-Uid'] = uid
  for (const [key, values] of Object.entries(extra ?? {})) {
    if (values.length > 0) headers[`Impersonate-Extra-${encodeURIComponent(key)}`] = values
  }
  return headers
}
