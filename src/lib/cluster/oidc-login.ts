/**
 * The login of auth provider `oidc`: its token as long as it is good, then a new one, which is written back into the
 * kubeconfig as kubectl does it (kubernetes/client-go plugin/pkg/client/auth/oidc/oidc.go).
 */
import { request } from 'node:https'
import { CassSniError, command, hint } from '../errors.ts'
import { agentFor } from './agents.ts'
import type { AuthenticationOptions, Credentials, CredentialSource } from './credential-source.ts'
import type { ChosenConfig } from './kubeconfig.ts'
import { unreadable } from './kubeconfig-rules.ts'
import { proxyFromEnvironment } from './proxy.ts'

type Provider = Readonly<Record<string, string>>

/** A token counts as expired this long before it is: clocks differ. */
const LEEWAY_MS = 10_000
/** No answer of an identity provider is larger. Bytes. */
const LARGEST_ANSWER = 1024 * 1024

/** The token of the login, refreshed once for all who ask at the same time. */
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

/** The login's token, unless it has expired or is none. */
function validToken(provider: Provider): string | undefined {
  const token = provider['id-token']
  if (!token) return undefined
  const [, payload = '', ...rest] = token.split('.')
  if (rest.length !== 1) return undefined
  try {
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { exp?: unknown }
    return Number(exp) * 1000 > Date.now() + LEEWAY_MS ? token : undefined
  } catch {
    // what cannot be read cannot be told to be valid
    return undefined
  }
}

/**
 * The login with a new token, written to the kubeconfig before it is used: the old refresh token may be dead by now.
 */
async function refreshed(config: ChosenConfig, provider: Provider, options: AuthenticationOptions): Promise<Provider> {
  const { target, userFile } = config
  const failed = (why: string, cause?: unknown) =>
    new CassSniError('CSNI202', `the login of user "${target.user}" (oidc) cannot be renewed: ${why}`, {
      next: [hint('Log in again the way you did before'), command`kubectl config view`],
      cause,
    })
  if (userFile === undefined) throw failed('there is no kubeconfig that a new token could be written to')
  const { editUser } = await import('./kubeconfig-edit.ts')
  return await editUser(userFile, target.user, options.signal, async (stored) => {
    // another run, or kubectl, may have renewed it since we read the file
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
  if (!issuer || !id) throw failed('the kubeconfig names no idp-issuer-url or no client-id')
  if (!refreshToken) throw failed('its token has expired, and there is no refresh-token')
  const discovery = await ask(
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    provider,
    options,
    failed,
  )
  const endpoint = discovery.fields.token_endpoint
  if (discovery.status !== 200 || typeof endpoint !== 'string' || !URL.canParse(endpoint))
    throw failed(`${issuer} did not tell its token endpoint (HTTP ${discovery.status})`)
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
  // as golang.org/x/oauth2 finds out how a provider wants it: in a header, else in the form
  const login = `${encodeURIComponent(id)}:${encodeURIComponent(secret ?? '')}`
  const headers = { Authorization: `Basic ${Buffer.from(login).toString('base64')}` }
  let answer = await ask(endpoint, provider, options, failed, { form, headers })
  if (answer.status !== 200)
    answer = await ask(endpoint, provider, options, failed, {
      form: { ...form, client_id: id, ...(secret ? { client_secret: secret } : {}) },
    })
  const { id_token: token, refresh_token: rotated, error } = answer.fields
  if (answer.status !== 200)
    throw failed(`${endpoint} answered HTTP ${answer.status}${typeof error === 'string' ? ` (${error})` : ''}`)
  if (typeof token !== 'string') throw failed(`${endpoint} answered without an id_token`)
  return { 'id-token': token, ...(typeof rotated === 'string' && rotated !== '' ? { 'refresh-token': rotated } : {}) }
}

/** A request to the identity provider. Bodies hold tokens: no error quotes one. */
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
          if (size > LARGEST_ANSWER) asking.destroy(new Error('its answer has no end'))
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
    throw failed(`${url.origin} cannot be asked: ${error.message}`, error)
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
    throw unreadable(file, "the identity provider's certificate authority", error)
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    // an error page: its status tells enough
    return {}
  }
}
