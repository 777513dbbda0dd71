/** The login and the certificate authority of a client: those on the command line, else the operator's. */
import { readCredentials } from '../cassandra/credentials.ts'
import type { Credentials, Datacenter } from '../cassandra/datacenter.ts'
import type { Kube } from '../cluster/kube.ts'
import { CassSniError, hint } from '../errors.ts'

export interface LoginChoice {
  /** A login other than the superuser's. */
  username?: string | undefined
  /** Its password; without it CSNI102. */
  password?: (() => Promise<string>) | undefined
  /** PEM file of the certificate authority; default: the operator's Secret. */
  caFile?: string | undefined
}

/**
 * The login that was named, else the superuser's. Throws CSNI102 without a password, and what `readCredentials` throws.
 */
export async function readLogin(kube: Kube, datacenter: Datacenter, choice: LoginChoice): Promise<Credentials> {
  return (await namedLogin(choice)) ?? readCredentials(kube, datacenter)
}

/** The login that was named; undefined when none was. Throws CSNI102 without a password or with an empty one. */
export async function namedLogin({ username, password }: LoginChoice): Promise<Credentials | undefined> {
  if (username === undefined) return undefined
  if (password === undefined) {
    throw new CassSniError('CSNI102', `the password of ${username} is missing`, {
      next: [hint('set the environment variable CASS_SNI_PASSWORD'), hint('give it on stdin with --password-stdin')],
    })
  }
  const text = await password()
  // To Cassandra an empty one is none: "Password must not be null" (SASL PLAIN ends it with a zero byte).
  if (text === '') throw new CassSniError('CSNI102', `the password of ${username} is empty`)
  return { username, password: text }
}
