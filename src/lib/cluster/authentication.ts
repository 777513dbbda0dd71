/**
 * Who we are to the API server: headers and TLS settings from a chosen kubeconfig, as client-go decides it
 * (kubernetes/client-go transport/round_trippers.go, plugin/pkg/client/auth).
 */
import { readFileSync } from 'node:fs'
import { CassSniError, command } from '../errors.ts'
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

/** How long a token read from a file counts: client-go transport/token_source.go, a minute less 10 s. */
const TOKEN_FILE_MS = 50_000

/** Prepares authentication: reads files, runs nothing yet. Throws CSNI103 for a file that cannot be read. */
export async function authenticator(config: ChosenConfig, options: AuthenticationOptions): Promise<Authenticate> {
  const { env = process.env } = options
  // kubectl sends credentials over TLS only (client-go tools/clientcmd/client_config.go ClientConfig)
  if (!config.cluster.server.startsWith('https:')) {
    const plain = { headers: impersonation(config), tls: {} }
    return async () => plain
  }
  const tls = await tlsSettings(config, env)
  const header = fixedHeader(config)
  if (header !== undefined) {
    return async () => ({ headers: { ...impersonation(config), ...header() }, tls: tls() })
  }
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
 * The header of credentials that the kubeconfig or a flag holds. Undefined when there are none: then, and only then, a
 * plugin or provider is asked (client-go plugin/pkg/client/auth/exec/exec.go UpdateTransportConfig).
 */
function fixedHeader({ user }: ChosenConfig): (() => Record<string, string>) | undefined {
  const { token, tokenFile, username, password } = user
  if (tokenFile) {
    const read = tokenReader(tokenFile, token || undefined)
    return () => ({ Authorization: `Bearer ${read()}` })
  }
  if (token) return () => ({ Authorization: `Bearer ${token}` })
  if (username || password) {
    const login = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')
    return () => ({ Authorization: `Basic ${login}` })
  }
  return undefined
}

/** The token in a file, read again every minute; when that fails, the last one goes on. */
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
    if (last === undefined) throw unreadable(file, 'the token', new Error('it is empty'))
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
      `user "${config.target.user}" logs in by auth provider ${provider.name ?? ''}, which kubectl has no more either`,
      { next: [command`kubectl config view`] },
    )
  }
  const { oidcCredentials } = await import('./oidc-login.ts')
  return oidcCredentials(config, provider.config ?? {}, options)
}

function impersonation({ user }: ChosenConfig): Security['headers'] {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = user
  const headers: Security['headers'] = {}
  if (!as) return headers
  headers['Impersonate-User'] = as
  // an array becomes one header line per group, which is what the API server wants
  if (groups?.length) headers['Impersonate-Group'] = groups
  if (uid) headers['Impersonate-Uid'] = uid
  for (const [key, values] of Object.entries(extra ?? {})) {
    if (values.length > 0) headers[`Impersonate-Extra-${encodeURIComponent(key)}`] = values
  }
  return headers
}
