/** Files for other CQL clients: an environment file as the blog's dse-client.env, and a cqlshrc. Pure. */
import { shellValue } from '../text/shell-words.ts'

export interface ClientFileInput {
  host: string
  port: number
  username: string
  /** Given only when the user wants it written. */
  password?: string | undefined
  /** Path of the CA's PEM file; undefined when it was not written anywhere. */
  caFile?: string | undefined
  localDatacenter: string
  /** SNI names of the nodes: host ids. */
  hostIds: string[]
  /** What to say at the top, without "#". */
  comment: string[]
}

/** To be read with `. file` by a POSIX shell. The names are those of the blog's client; SSL_VALIDATE is cqlsh's. */
export function environmentFile(input: ClientFileInput): string {
  const lines: [string, string | undefined][] = [
    ['CQLSH_HOST', input.host],
    ['CQLSH_PORT', String(input.port)],
    ['CQL_USER', input.username],
    ['CQL_PASSWORD', input.password],
    ['SSL_CERTFILE', input.caFile],
    ['SSL_VALIDATE', 'true'],
    ['CASS_SNI_LOCAL_DATACENTER', input.localDatacenter],
    ['CASS_SNI_HOST_IDS', input.hostIds.join(',')],
  ]
  const exports = lines.flatMap(([name, value]) => (value === undefined ? [] : [`export ${name}=${shellValue(value)}`]))
  return `${[...commentLines(input.comment), ...exports].join('\n')}\n`
}

/**
 * A cqlshrc. Python's configparser trims values and interpolates "%", so that it is written "%%"; only the password is
 * read without interpolation (apache/cassandra pylib/cqlshlib/cqlshmain.py `read_options`, sslhandling.py). A value
 * with a line break cannot be written.
 */
export function cqlshrcFile(input: ClientFileInput): string {
  const { password } = input
  const unwritable = password !== undefined && (/[\r\n]/.test(password) || password.trim() !== password)
  const lines = [
    ...commentLines(input.comment),
    ...(unwritable
      ? [
          '; The password begins or ends with a space or holds a line break: a cqlshrc cannot hold it. cqlsh ' +
            'will ask for it.',
        ]
      : []),
    '[authentication]',
    `username = ${value(input.username)}`,
    ...(password === undefined || unwritable ? [] : [`password = ${password}`]),
    '',
    '[connection]',
    `hostname = ${value(input.host)}`,
    `port = ${input.port}`,
    'ssl = true',
    'factory = cqlshlib.ssl.ssl_transport_factory',
    '',
    '[ssl]',
    ...(input.caFile === undefined ? [] : [`certfile = ${value(input.caFile)}`]),
    'validate = true',
  ]
  return `${lines.map((line) => line.replace(/^#/, ';')).join('\n')}\n`
}

function value(text: string): string {
  return oneLine(text).replaceAll('%', '%%')
}

function commentLines(comment: string[]): string[] {
  return comment.map((line) => `# ${oneLine(line)}`)
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ')
}
