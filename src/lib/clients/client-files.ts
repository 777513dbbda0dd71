/** Files for other CQL clients: an environment file, a cqlshrc and cqlsh's credentials. Pure. */
import { parseIni } from '../files/ini-file.ts'
import { shellValue } from '../text/shell-words.ts'

export interface ClientFileInput {
  host: string
  port: number
  username: string
  /** Set only if the user asked to include it. */
  password?: string | undefined
  /** Path of the CA's PEM file; undefined if it was not written. */
  caFile?: string | undefined
  localDatacenter: string
  /** SNI names of the nodes: host IDs. */
  hostIds: string[]
  /** Lines of the header, without "#". */
  comment: string[]
}

/** Returns an environment file, to be sourced by a POSIX shell (`. file`). The SSL_… and CQLSH_… names are cqlsh's. */
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
 * Returns a cqlshrc. Python's configparser trims values and interpolates "%", which is therefore written as "%%"; only
 * the password is read without interpolation (apache/cassandra pylib/cqlshlib/cqlshmain.py `read_options`,
 * sslhandling.py). Values with line breaks cannot be expressed.
 */
export function cqlshrcFile(input: ClientFileInput): string {
  const { password } = input
  const isInexpressible = password !== undefined && !isExpressible(password)
  const lines = [
    ...commentLines(input.comment),
    ...(isInexpressible
      ? [
          '; The password starts or ends with a space or contains a line break, which a cqlshrc cannot express. ' +
            'cqlsh prompts for it.',
        ]
      : []),
    '[authentication]',
    `username = ${value(input.username)}`,
    ...(password === undefined || isInexpressible ? [] : [`password = ${password}`]),
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

/**
 * Returns cqlsh's credentials file (apache/cassandra conf/credentials.sample). Without a password, or with one that the
 * file cannot express (see `isExpressible`), cqlsh prompts for it.
 */
export function cqlshCredentials({ username, password }: { username: string; password: string }): string {
  const lines = ['[plain_text_auth]', `username = ${value(username)}`]
  if (isExpressible(password)) lines.push(`password = ${password}`)
  return `${lines.join('\n')}\n`
}

/** False for a password that Python's configparser would change: it trims values and joins lines. */
export function isExpressible(password: string): boolean {
  return !/[\r\n]/.test(password) && password.trim() === password
}

/**
 * Returns a cqlshrc for a local port without TLS: the user's own without the options that enable TLS and, if cqlsh gets
 * a login elsewhere, without those of the login. Throws CSNI107 if it is not a cqlshrc.
 * @param file name of the cqlshrc in errors
 */
export function cqlshrcForPort(cqlshrc: string, file: string, { login }: { login: boolean }): string {
  const ini = parseIni(cqlshrc, file)
  const dropped = [['connection', 'ssl'], ...(login ? LOGIN_OPTIONS : [])].map(
    ([section = '', name = '']) => ini.get(section)?.get(name)?.line,
  )
  return cqlshrc
    .split(/\r\n|\r|\n/)
    .filter((_, index) => !dropped.includes(index + 1))
    .join('\n')
}

const LOGIN_OPTIONS = ['username', 'password', 'credentials'].map((name) => ['authentication', name])

function value(text: string): string {
  return oneLine(text).replaceAll('%', '%%')
}

function commentLines(comment: string[]): string[] {
  return comment.map((line) => `# ${oneLine(line)}`)
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ')
}
