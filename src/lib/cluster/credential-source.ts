/** The credentials of a request to the API server, and their sources. */
import type { TlsSettings } from './tls-settings.ts'

/** Secret: never printed or logged. */
export interface Security {
  headers: Record<string, string | string[]>
  /** The same object as long as nothing in it changes: connections are pooled by it. */
  tls: TlsSettings
}

/** Whether a server that rejected one would reject the other. */
export function sameCredentials(one: Security, other: Security): boolean {
  return one.tls === other.tls && one.headers.Authorization === other.headers.Authorization
}

/**
 * Returns the headers and TLS settings for a request. Called for each one, because tokens expire and certificates are
 * renewed. After a 401, `refused` holds the rejected ones, which are renewed if possible. Throws CSNI103 or CSNI202.
 */
export type Authenticate = (refused?: Security) => Promise<Security>

export interface AuthenticationOptions {
  signal: AbortSignal
  env?: Readonly<Record<string, string | undefined>> | undefined
  /** Time limit in ms for one run of a credential plugin or one token refresh; 0 or absent: no limit. */
  requestTimeoutMs?: number | undefined
}

/** Credentials that expire: a token or, from plugins, a client certificate. */
export interface Credentials {
  token?: string | undefined
  certificate?: { cert: string; key: string } | undefined
}

/** Returns the current credentials, or new ones if the server rejected `refused`. */
export type CredentialSource = (refused?: Credentials) => Promise<Credentials>
