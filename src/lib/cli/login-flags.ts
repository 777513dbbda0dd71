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
