/** What a request to the API server carries to say who asks, and where that comes from. */
import type { TlsSettings } from './tls-settings.ts'

/** Secret: never printed or logged. */
export interface Security {
  headers: Record<string, string | string[]>
  /** One and the same object as long as nothing in it changes: connections are kept for it. */
  tls: TlsSettings
}

/** Whether a server that refused the one would refuse the other. */
export function sameCredentials(one: Security, other: Security): boolean {
  return one.tls === other.tls && one.headers.Authorization === other.headers.Authorization
}

/**
 * What to add to a request, asked anew for each one: tokens expire and certificates are renewed. After a 401, `refused`
 * is what the server did not accept: credentials that can be renewed are. Throws CSNI103 or CSNI202.
 */
export type Authenticate = (refused?: Security) => Promise<Security>

export interface AuthenticationOptions {
  signal: AbortSignal
  env?: Readonly<Record<string, string | undefined>> | undefined
  /** Time for one run of a credential plugin or one refresh of a login; 0 or absent: no limit. */
  requestTimeoutMs?: number | undefined
}

/** A token, and for plugins a client certificate, that come from elsewhere and expire. */
export interface Credentials {
  token?: string | undefined
  certificate?: { cert: string; key: string } | undefined
}

/** The credentials in force; new ones when the server refused these. */
export type CredentialSource = (refused?: Credentials) => Promise<Credentials>
