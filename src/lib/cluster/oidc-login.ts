/**
 * The auth provider `oidc`: uses the token until it expires, then refreshes it and writes it back to the kubeconfig, as
 * kubectl does (kubernetes/client-go plugin/pkg/client/auth/oidc/oidc.go).
 */
import { request } from 'node:https'
import { CassSniError, command, hint } from '../errors.ts'
import { agentFor } from './agents.ts'
import type { AuthenticationOptions, Credentials, CredentialSource } from './credential-source.ts'
import type { ChosenConfig } from './kubeconfig.ts'
import { unreadable } from './kubeconfig-rules.ts'
import { proxyFromEnvironment } from './proxy.ts'

type Provider = Readonly<Record<string, string>>

/** Tokens are refreshed this long before they expire, because clocks differ. */
const LEEWAY_MS = 10_000
/** Size limit of an identity provider's response, in bytes. */
const LARGEST_ANSWER = 1024 * 1024

/** Returns the ID token, refreshed once for all concurrent callers. */
export function oidcCredentials(
  config: ChosenConfig,
  provider: Provider,
  options: AuthenticationOptions,
): CredentialSource {
  let current = provider
  let known: Credentials | undefined
  let running: Promise<Credentials> | undefined
  return () => {
    const token = validToken(current)
    if (token !== undefined) {
      if (known?.token !== token) known = { token }
      return Promise.resolve(known)
    }
    running ??= refreshed(config, current, options)
      .then((fresh) => {
        current = fresh
        return { token: fresh['id-token'] }
      })
      .finally(() => {
        running = undefined
      })
    return running
  }
}

/** The ID token; undefined if missing, expired or malformed. */
function validToken(provider: Provider): string | undefined {
  const token = provider['id-token']
  if (!token) return undefined
  const [, payload = '', ...rest] = token.split('.')
  if (rest.length !== 1) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown }
    return Number(exp) * 1000 > Date.now() + LEEWAY_MS ? token : undefined
  } catch {
    // a token that cannot be parsed counts as expired
    return undefined
  }
}

/** Refreshes the token and writes it to the kubeconfig before use: the old refresh token may be invalid by then. */
async function refreshed(config: ChosenConfig, provider: Provider, options: AuthenticationOptions): Promise<Provider> {
  const { target, userFile } = config
  const failed = (why: string, cause?: unknown) =>
    new CassSniError('CSNI202', `cannot refresh the OIDC token of user "${target.user}": ${why}`, {
      next: [hint('log in again'), command`kubectl config view`],
      cause,
    })
  if (userFile === undefined) throw failed('no kubeconfig to write the new token to')
  const { editUser } = await import('./kubeconfig-edit.ts')
  return await editUser(userFile, target.user, options.signal, async (stored) => {
    // another process may have refreshed it since the file was read
    const before = stored ?? provider
    if (validToken(before) !== undefined) return undefined
    const fresh = await newTokens(before, options, failed)
    return { ...before, ...fresh }
  }).then(
    (written) => written ?? provider,
    (error: unknown) => {
      throw error instanceof CassSniError ? error : failed((error as Error).message, error)
    },
  )
}

async function newTokens(
  provider: Provider,
  options: AuthenticationOptions,
  failed: (why: string, cause?: unknown) => CassSniError,
): Promise<Provider> {
  const { 'refresh-token': refreshToken, 'idp-issuer-url': issuer, 'client-id': id, 'client-secret': secret } = provider
  if (!issuer || !id) throw failed('idp-issuer-url or client-id is not set in the kubeconfig')
  if (!refreshToken) throw failed('token expired, and no refresh-token is set')
  const discovery = await ask(
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    provider,
    options,
    failed,
  )
  const endpoint = discovery.fields.token_endpoint
  if (discovery.status !== 200 || typeof endpoint !== 'string' || !URL.canParse(endpoint))
    throw failed(`${issuer} did not return a token endpoint (HTTP ${discovery.status})`)
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
  // as golang.org/x/oauth2 detects what a provider accepts: first a header, then form fields
  const login = `${encodeURIComponent(id)}:${encodeURIComponent(secret ?? '')}`
  const headers = { Authorization: `Basic ${Buffer.from(login).toString('base64')}` }
  let answer = await ask(endpoint, provider, options, failed, { form, headers })
  if (answer.status !== 200)
    answer = await ask(endpoint, provider, options, failed, {
      form: { ...form, client_id: id, ...(secret ? { client_secret: secret } : {}) },
    })
  const { id_token: token, refresh_token: rotated, error } = answer.fields
  if (answer.status !== 200)
    throw failed(`${endpoint} returned HTTP ${answer.status}${typeof error === 'string' ? ` (${error})` : ''}`)
  if (typeof token !== 'string') throw failed(`${endpoint} returned no id_token`)
  return { 'id-token': token, ...(typeof rotated === 'string' && rotated !== '' ? { 'refresh-token': rotated } : {}) }
}

/** Sends a request to the identity provider. Bodies contain tokens: errors never quote them. */
async function ask(
  address: string,
  provider: Provider,
  { signal, env = process.env, requestTimeoutMs }: AuthenticationOptions,
  failed: (why: string, cause?: unknown) => CassSniError,
  post?: { form: Record<string, string>; headers?: Record<string, string> },
): Promise<{ status: number; fields: Record<string, unknown> }> {
  const url = new URL(address)
  if (url.protocol !== 'https:') throw failed(`${url.origin} is not an https URL`)
  const agent = await agentFor(url, { ca: await authorities(provider, env) }, proxyFromEnvironment(address, env))
  const body = post === undefined ? undefined : new URLSearchParams(post.form).toString()
  const limits = requestTimeoutMs ? [signal, AbortSignal.timeout(requestTimeoutMs)] : [signal]
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asking = request(
      url,
      {
        agent,
        signal: AbortSignal.any(limits),
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          Accept: 'application/json',
          ...(body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
          ...post?.headers,
        },
      },
      (response) => {
        const parts: Buffer[] = []
        let size = 0
        response.on('data', (part: Buffer) => {
          size += part.length
          if (size > LARGEST_ANSWER) asking.destroy(new Error('response too large'))
          else parts.push(part)
        })
        response.once('error', reject)
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        )
      },
    )
    asking.once('error', reject)
    asking.end(body)
  }).catch((error: Error) => {
    if (signal.aborted) throw signal.reason
    throw failed(`cannot reach ${url.origin}: ${error.message}`, error)
  })
  return { status, fields: parsed(text) }
}

async function authorities(
  provider: Provider,
  env: AuthenticationOptions['env'],
): Promise<(string | Buffer)[] | undefined> {
  const { 'idp-certificate-authority-data': data, 'idp-certificate-authority': file } = provider
  if (data) return [Buffer.from(data, 'base64')]
  if (!file) return (await import('./system-trust.ts')).systemCertificates(env ?? {})
  try {
    const { readFile } = await import('node:fs/promises')
    return [await readFile(file)]
  } catch (error) {
    throw unreadable(file, "the identity provider's CA certificate", error)
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // an error page: the status is enough
    return {}
  }
}
