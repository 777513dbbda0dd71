/** Who we are to the API server: headers and TLS settings from a chosen kubeconfig. */
import { contextFlags } from './refusal.ts'
import { readFileSync } from 'node:fs'
import type { Agent, RequestOptions } from 'node:https'
import { isDeepStrictEqual } from 'node:util'
import { CassSniError, command, hint } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import type { ChosenConfig } from './kubeconfig.ts'
import type { ExecEntry } from './kubeconfig-files.ts'
import { proxyFromEnvironment } from './proxy.ts'

/** Secret: never printed or logged. */
export interface Security {
  headers: Record<string, string | string[]>
  tls: TlsSettings
  /** Set when the way leads through a proxy. */
  proxy?: Agent
}

export interface TlsSettings {
  ca?: Buffer
  cert?: Buffer | string
  key?: Buffer | string
  /** Always told: Node would else look at NODE_TLS_REJECT_UNAUTHORIZED, which kubectl does not know. */
  rejectUnauthorized?: boolean
  servername?: string
}

/** What to add to a request, asked anew for each one: tokens expire. Throws CSNI103 or CSNI202. */
export type Authenticate = () => Promise<Security>

/** How long a token read from a file counts, as in client-go transport/token_source.go. */
const TOKEN_FILE_MS = 60_000

/**
 * Prepares authentication. Certificates, tokens and passwords are handled here; only credential plugins and proxies
 * load @kubernetes/client-node, whose import costs most of a short command's time.
 */
export async function authenticator(
  config: ChosenConfig,
  env: Record<string, string | undefined> = process.env,
): Promise<Authenticate> {
  const proxy = config.cluster['proxy-url'] ?? proxyFromEnvironment(config.cluster.server, env)
  const { exec, 'auth-provider': provider } = config.user
  if (exec !== undefined || provider !== undefined || proxy !== undefined) return viaClientNode(config, proxy)
  const tls = tlsSettings(config)
  const { username, password, token, tokenFile } = config.user
  let fromFile: { token: string; readAt: number } | undefined
  return async () => {
    const headers = impersonation(config)
    if (tokenFile !== undefined && tokenFile !== '') {
      // a token file goes before a token (client-go rest/config.go)
      if (fromFile === undefined || Date.now() - fromFile.readAt > TOKEN_FILE_MS) {
        fromFile = {
          token: readMaterial(tokenFile, 'the token').toString('utf8').trim(),
          readAt: Date.now(),
        }
      }
      headers.Authorization = `Bearer ${fromFile.token}`
    } else if (token !== undefined && token !== '') headers.Authorization = `Bearer ${token}`
    else if (username !== undefined && username !== '')
      headers.Authorization = `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
    return { headers, tls }
  }
}

function impersonation(config: ChosenConfig): Security['headers'] {
  const { as, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra } = config.user
  const headers: Security['headers'] = {}
  if (as === undefined || as === '') return headers
  headers['Impersonate-User'] = as
  // an array becomes one header line per group, which is what the API server wants; client-node cannot do this
  if (groups !== undefined && groups.length > 0) headers['Impersonate-Group'] = groups
  if (uid !== undefined) headers['Impersonate-Uid'] = uid
  for (const [key, values] of Object.entries(extra ?? {}))
    headers[`Impersonate-Extra-${encodeURIComponent(key)}`] = values
  return headers
}

function tlsSettings({ cluster, user }: ChosenConfig): TlsSettings {
  const ca = material(
    cluster['certificate-authority-data'],
    cluster['certificate-authority'],
    'the certificate authority',
  )
  const cert = material(user['client-certificate-data'], user['client-certificate'], 'the client certificate')
  const key = material(user['client-key-data'], user['client-key'], "the client certificate's key")
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: cluster['insecure-skip-tls-verify'] !== true,
    ...(cluster['tls-server-name'] === undefined ? {} : { servername: cluster['tls-server-name'] }),
  }
}

/** Data goes before a file, as in client-go. */
function material(data: string | undefined, file: string | undefined, what: string): Buffer | undefined {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64')
  if (file !== undefined && file !== '') return readMaterial(file, what)
  return undefined
}

function readMaterial(file: string, what: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new CassSniError(
      'CSNI103',
      `${what} named in the kubeconfig cannot be read from ${file}: ${systemError(error)}`,
      {
        next: [command`kubectl config view`],
        cause: error,
      },
    )
  }
}

async function viaClientNode(config: ChosenConfig, proxy: string | undefined): Promise<Authenticate> {
  const { KubeConfig } = await import('./client-node.ts')
  const { cluster, user, target } = config
  const { as: _as, 'as-groups': _groups, 'as-uid': _uid, 'as-user-extra': _extra, tokenFile, ...rest } = user
  const entry = {
    ...rest,
    ...(user.exec === undefined ? {} : { exec: withExecInfo(user.exec, config) }),
    ...(tokenFile === undefined ? {} : { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }),
  }
  const kubeConfig = new KubeConfig()
  // JSON is YAML; a string keeps us independent of client-node's own types
  kubeConfig.loadFromString(
    JSON.stringify({
      clusters: [
        {
          name: 'c',
          cluster: {
            ...cluster,
            ...(proxy === undefined ? {} : { 'proxy-url': proxy }),
          },
        },
      ],
      users: [{ name: target.user === '' ? 'u' : target.user, user: entry }],
      contexts: [
        {
          name: 'x',
          context: {
            cluster: 'c',
            user: target.user === '' ? 'u' : target.user,
          },
        },
      ],
      'current-context': 'x',
    }),
  )
  let tls: TlsSettings = {}
  return async () => {
    const options: RequestOptions = {}
    try {
      await kubeConfig.applyToHTTPSOptions(options)
    } catch (error) {
      throw pluginFailed(error, config)
    }
    const headers = {
      ...(options.headers as Record<string, string> | undefined),
      ...impersonation(config),
    }
    if (typeof options.auth === 'string')
      headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`
    const { ca, cert, key } = options as {
      ca?: Buffer
      cert?: Buffer | string
      key?: Buffer | string
    }
    const now: TlsSettings = {
      ...tlsSettings({ ...config, user: {} }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    }
    // connections are kept for one and the same object
    if (!isDeepStrictEqual(now, tls)) tls = now
    return {
      headers,
      tls,
      ...(proxy === undefined ? {} : { proxy: options.agent as Agent }),
    }
  }
}

/**
 * client-node does not tell a plugin what KUBERNETES_EXEC_INFO must (client-go plugin/pkg/client/auth/exec): done
 * here by its environment.
 */
function withExecInfo(exec: ExecEntry, { cluster }: ChosenConfig): ExecEntry {
  const {
    server,
    'tls-server-name': serverName,
    'insecure-skip-tls-verify': insecure,
    'certificate-authority-data': ca,
    'proxy-url': proxy,
  } = cluster
  const info = {
    apiVersion: exec.apiVersion ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(exec.provideClusterInfo === true
        ? {
            cluster: {
              server,
              'tls-server-name': serverName,
              'insecure-skip-tls-verify': insecure,
              'certificate-authority-data': ca,
              'proxy-url': proxy,
            },
          }
        : {}),
    },
  }
  return {
    ...exec,
    env: [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }],
  }
}

function pluginFailed(error: unknown, { user, target }: ChosenConfig): CassSniError {
  const plugin = user.exec?.command
  const { code } = error as NodeJS.ErrnoException
  // client-node hands on what the parser said of an answer that it does not understand: it quotes the answer, which
  // holds the token
  const unclear = error instanceof SyntaxError || error instanceof TypeError
  const message = unclear ? 'its answer is not the JSON that is wanted' : (error as Error).message
  if (plugin === undefined) {
    const provider = user['auth-provider']?.name
    return new CassSniError(
      'CSNI202',
      `no credentials for user "${target.user}"${provider === undefined ? '' : ` from auth provider ${provider}`}: ${message}`,
      unclear ? {} : { cause: error },
    )
  }
  if (code === 'ENOENT') {
    return new CassSniError('CSNI202', `the credential plugin ${plugin} of user "${target.user}" is not on PATH`, {
      next: user.exec?.installHint === undefined ? [hint(`install ${plugin}`)] : [hint(user.exec.installHint)],
    })
  }
  // the plugin's standard output holds the token and is not in this message; its standard error is
  const interactive =
    user.exec?.interactiveMode === 'Always' ? ' (it wants a terminal, which it has no access to here)' : ''
  return new CassSniError(
    'CSNI202',
    `the credential plugin ${plugin} of user "${target.user}" failed${interactive}: ${message.trim() || 'it said nothing'}`,
    {
      next: [command`kubectl ${contextFlags(target)} get --raw /version`],
    },
  )
}
