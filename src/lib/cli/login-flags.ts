/** The flags of a client's login and trust, and where the password comes from. */
import { Flags } from '@oclif/core'

export const loginFlags = {
  username: Flags.string({
    helpValue: 'ROLE',
    summary:
      'Log in as another role than the superuser of the Secret; the password comes from a prompt, ' +
      'CASS_SNI_PASSWORD or stdin.',
  }),
  'password-stdin': Flags.boolean({
    dependsOn: ['username'],
    summary: 'Read the password of --username from stdin.',
  }),
  ca: Flags.string({
    helpValue: 'FILE',
    summary: "PEM file of the certificate authority; default: the datacenter's Secret.",
  }),
}

/** Where to connect to. */
export const addressFlag = {
  address: Flags.string({
    helpValue: 'HOST[:PORT]',
    exclusive: ['tunnel'],
    summary: 'Address to connect to instead of the load balancer.',
  }),
}

/** The values of the flags that say which nodes to reach, how, and as whom. */
interface ClientFlags {
  datacenter?: string | undefined
  'cluster-domain'?: string | undefined
  node?: string | undefined
  gateway?: string | undefined
  port?: number | undefined
  address?: string | undefined
  username?: string | undefined
  'password-stdin': boolean
  ca?: string | undefined
}

/** The same as options of a workflow. */
export async function clientOptions(flags: ClientFlags) {
  return {
    datacenter: flags.datacenter,
    clusterDomain: flags['cluster-domain'],
    node: flags.node,
    gateway: flags.gateway,
    port: flags.port,
    address: flags.address,
    username: flags.username,
    password: await passwordSource(flags, process, async (terminal, question) => {
      const { readSecret } = await import('../shell/terminal.ts')
      return readSecret(terminal, question)
    }),
    caFile: flags.ca,
  }
}

/** Reads a secret on the terminal. */
export type Ask = (
  terminal: { input: NodeJS.ReadStream; output: NodeJS.WriteStream },
  question: string,
) => Promise<string>

/**
 * The password of --username: from stdin with --password-stdin, else from CASS_SNI_PASSWORD, else asked for on the
 * terminal, if there is one. Nothing is read before it is needed, but stdin.
 */
export async function passwordSource(
  flags: { username?: string | undefined; 'password-stdin': boolean },
  { env, stdin, stderr }: Pick<NodeJS.Process, 'env' | 'stdin' | 'stderr'>,
  ask: Ask,
): Promise<(() => Promise<string>) | undefined> {
  const { username } = flags
  if (username === undefined) return undefined
  if (flags['password-stdin']) {
    const { text } = await import('node:stream/consumers')
    const password = (await text(stdin)).replace(/\r?\n$/, '')
    return async () => password
  }
  const given = env.CASS_SNI_PASSWORD
  if (given !== undefined) return async () => given
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined
  return () => ask({ input: stdin, output: stderr }, `Password of ${username}: `)
}
