/** Login and CA of a client: from the command line, else from cass-operator's Secrets. */
import { readCredentials } from '../cassandra/credentials.ts'
import type { Credentials, Datacenter } from '../cassandra/datacenter.ts'
import type { Kube } from '../cluster/kube.ts'
import { CassSniError, hint } from '../errors.ts'
import type { IdentityChoice } from './find-identity.ts'

export interface LoginChoice extends IdentityChoice {
  /** Role to log in as instead of the superuser. */
  username?: string | undefined
  /** Its password; CSNI102 if missing. */
  password?: (() => Promise<string>) | undefined
  /** PEM file of the CA; default: cass-operator's Secret. */
  caFile?: string | undefined
}

/**
 * Returns the chosen login, else the superuser's. Throws CSNI102 without a password, and what `readCredentials` throws.
 */
export async function readLogin(kube: Kube, datacenter: Datacenter, choice: LoginChoice): Promise<Credentials> {
  return (await namedLogin(choice)) ?? readCredentials(kube, datacenter)
}

/** Returns the chosen login; undefined if none. Throws CSNI102 if its password is missing or empty. */
export async function namedLogin({ username, password }: LoginChoice): Promise<Credentials | undefined> {
  if (username === undefined) return undefined
  if (password === undefined) {
    throw new CassSniError('CSNI102', `password for role ${username} required`, {
      next: [hint('set the environment variable CASS_SNI_PASSWORD, or pass it on stdin with --password-stdin')],
    })
  }
  const text = await password()
  // Cassandra rejects an empty password as "Password must not be null" (SASL PLAIN terminates it with a zero byte).
  if (text === '') throw new CassSniError('CSNI102', `password for role ${username} is empty`)
  return { username, password: text }
}
