/** Flags of a client's login and CA, and the source of the password. */
import { Flags } from '@oclif/core'

export const caFlag = {
  ca: Flags.string({
    helpValue: 'FILE',
    summary: "PEM file of the CA (default: the datacenter's CA).",
  }),
}

export const loginFlags = {
  username: Flags.string({
    helpValue: 'ROLE',
    summary:
      'Role to log in as (default: the superuser). Reads the password from CASS_SNI_PASSWORD, stdin ' +
      '(--password-stdin) or a prompt.',
  }),
  'password-stdin': Flags.boolean({
    dependsOn: ['username'],
    summary: 'Read the password of --username from stdin.',
  }),
  ...caFlag,
  'client-cert': Flags.string({
    helpValue: 'FILE',
    summary: 'PEM file of a client certificate (default, if nodes require one: from a Secret of certs issue-client).',
  }),
  'client-key': Flags.string({ helpValue: 'FILE', summary: 'PEM file of its private key.' }),
}

/** kubectl's flags for a certificate that the API server accepts: --client-key is that of Cassandra instead. */
export const API_SERVER_CERTIFICATE = ['client-certificate', 'client-key']

/** The address to connect to. */
export const addressFlag = {
  address: Flags.string({
    helpValue: 'HOST[:PORT]',
    exclusive: ['tunnel'],
    summary: 'Address to connect to instead of the load balancer.',
  }),
}

/** Instead of the load balancer. */
export const tunnelFlag = {
  tunnel: Flags.boolean({
    default: false,
    summary: 'Connect through the API server, even if the load balancer is reachable.',
  }),
}

/** The flags that select nodes, address, login and CA. */
export interface ClientFlags {
  datacenter?: string | undefined
  'cluster-domain'?: string | undefined
  node?: string | undefined
  gateway?: string | undefined
  port?: number | undefined
  address?: string | undefined
  username?: string | undefined
  'password-stdin': boolean
  ca?: string | undefined
  'client-cert'?: string | undefined
  'client-key'?: string | undefined
}

/** Returns the corresponding workflow options. */
export async function clientOptions(flags: ClientFlags) {
  return {
    datacenter: flags.datacenter,
    clusterDomain: flags['cluster-domain'],
    node: flags.node,
    gateway: flags.gateway,
    port: flags.port,
    address: flags.address,
    username: flags.username,
    password: await passwordSource(flags, process, async (terminal, prompt) => {
      const { readSecret } = await import('../shell/secret-line.ts')
      return readSecret(terminal, prompt)
    }),
    caFile: flags.ca,
    clientCertFile: flags['client-cert'],
    clientKeyFile: flags['client-key'],
  }
}

/** Reads a secret from the terminal. */
export type ReadSecret = (
  terminal: { input: NodeJS.ReadStream; output: NodeJS.WriteStream },
  prompt: string,
) => Promise<string>

/**
 * Returns the source of the password of --username: stdin with --password-stdin, else CASS_SNI_PASSWORD, else a prompt;
 * undefined without a terminal. Only stdin is read before the password is needed.
 */
export async function passwordSource(
  flags: { username?: string | undefined; 'password-stdin': boolean },
  // not destructured: process.stdin opens a stream
  from: Pick<NodeJS.Process, 'env' | 'stdin' | 'stderr'>,
  readSecret: ReadSecret,
): Promise<(() => Promise<string>) | undefined> {
  const { username } = flags
  if (username === undefined) return undefined
  if (flags['password-stdin']) {
    const { text } = await import('node:stream/consumers')
    const password = (await text(from.stdin)).replace(/\r?\n$/, '')
    return async () => password
  }
  const given = from.env.CASS_SNI_PASSWORD
  if (given !== undefined) return async () => given
  if (from.stdin.isTTY !== true || from.stderr.isTTY !== true) return undefined
  return () => readSecret({ input: from.stdin, output: from.stderr }, `Password for ${username}: `)
}
