/** Flags of the commands that write files for clients: formats, place, password of keystores. */
import { Flags } from '@oclif/core'
import type { StoredFile } from '../workflows/certs/client-store.ts'
import type { TextRenderer } from '../output/text-renderer.ts'

const FORMATS = ['pem', 'pkcs12', 'jks'] as const

export const storeFlags = {
  out: Flags.string({
    helpValue: 'DIR',
    exclusive: ['secret'],
    summary: 'Directory to write the files to (mode 0600).',
  }),
  secret: Flags.string({ helpValue: 'NAME', summary: "Secret to write them to, in the datacenter's namespace." }),
  format: Flags.custom<(typeof FORMATS)[number]>({
    options: FORMATS,
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Format of the files (repeatable).',
  })(),
  'password-stdin': Flags.boolean({
    default: false,
    summary: 'Read the password of PKCS#12 and JKS files from stdin (default: CASS_SNI_STORE_PASSWORD).',
  }),
}

interface StoreFlags {
  out?: string | undefined
  secret?: string | undefined
  format?: (typeof FORMATS)[number][] | undefined
  'password-stdin': boolean
  yes: boolean
}

/** Returns the corresponding workflow options. */
export function storeOptions(flags: StoreFlags) {
  return {
    out: flags.out,
    secret: flags.secret,
    formats: flags.format,
    overwrite: flags.yes,
    password: passwordFrom(flags['password-stdin'], process),
  }
}

/** Returns the source of the password of a keystore: stdin, or CASS_SNI_STORE_PASSWORD; undefined without one. */
export function passwordFrom(
  fromStdin: boolean,
  // not destructured: process.stdin opens a stream
  from: Pick<NodeJS.Process, 'env' | 'stdin'>,
): (() => Promise<string>) | undefined {
  if (fromStdin) {
    return async () => {
      const { text } = await import('node:stream/consumers')
      return (await text(from.stdin)).replace(/\r?\n$/, '')
    }
  }
  const given = from.env['CASS_SNI_STORE_PASSWORD']
  return given === undefined || given === '' ? undefined : async () => given
}

/** Returns the table of the files and what reads them. */
export function storeTable(files: readonly StoredFile[], renderer: TextRenderer): string {
  return renderer.table(files, [
    { title: 'FILE', cell: ({ name }) => name },
    { title: 'ACTION', cell: ({ action }) => action },
    { title: 'CONTENT', cell: ({ purpose }) => purpose },
  ])
}
