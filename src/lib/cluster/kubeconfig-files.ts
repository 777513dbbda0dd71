/** Reads and merges kubeconfig files as kubectl does (kubernetes/client-go tools/clientcmd/loader.go). */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { CassSniError, command, hint } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'

/** A cluster entry, with the field names of the file format (client-go tools/clientcmd/api/v1/types.go). */
export interface ClusterEntry {
  server?: string | undefined
  'certificate-authority'?: string | undefined
  'certificate-authority-data'?: string | undefined
  'insecure-skip-tls-verify'?: boolean | undefined
  'tls-server-name'?: string | undefined
  'proxy-url'?: string | undefined
  'disable-compression'?: boolean | undefined
  extensions?: { name: string; extension?: unknown }[] | undefined
}

export interface ExecEntry {
  apiVersion?: string | undefined
  command?: string | undefined
  args?: string[] | undefined
  env?: { name: string; value: string }[] | undefined
  installHint?: string | undefined
  provideClusterInfo?: boolean | undefined
  interactiveMode?: string | undefined
}

export interface UserEntry {
  'client-certificate'?: string | undefined
  'client-certificate-data'?: string | undefined
  'client-key'?: string | undefined
  'client-key-data'?: string | undefined
  token?: string | undefined
  tokenFile?: string | undefined
  username?: string | undefined
  password?: string | undefined
  as?: string | undefined
  'as-uid'?: string | undefined
  'as-groups'?: string[] | undefined
  'as-user-extra'?: Record<string, string[]> | undefined
  'auth-provider'?: { name?: string | undefined; config?: Record<string, string> | undefined } | undefined
  exec?: ExecEntry | undefined
}

export interface ContextEntry {
  cluster?: string | undefined
  user?: string | undefined
  namespace?: string | undefined
}

/** The entries of all files; the first of a name wins. */
export interface MergedConfig {
  files: string[]
  currentContext: string | undefined
  clusters: Map<string, ClusterEntry>
  users: Map<string, UserEntry>
  contexts: Map<string, ContextEntry>
  /** The file that each user came from. */
  userFiles: Map<string, string>
}

type Environment = Readonly<Record<string, string | undefined>>

/** The files that kubectl would read, in order of precedence; they need not exist. */
export function kubeconfigFiles(options: { kubeconfig?: string | undefined }, env: Environment): string[] {
  if (options.kubeconfig) return [options.kubeconfig]
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (listed.length > 0) return [...new Set(listed)]
  return [join(env.HOME ?? homedir(), '.kube', 'config')]
}

/** Reads and merges files. Missing ones are skipped unless `required`. Throws CSNI103 for an invalid file. */
export async function mergeConfigs(files: string[], required: boolean): Promise<MergedConfig> {
  const merged: MergedConfig = {
    files,
    currentContext: undefined,
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
    userFiles: new Map(),
  }
  for (const file of files) {
    const parsed = await readConfig(file, required)
    if (parsed === undefined) continue
    const directory = dirname(resolve(file))
    merged.currentContext ??= (parsed['current-context'] as string | undefined) || undefined
    addEntries<ClusterEntry>(file, merged.clusters, parsed.clusters, 'cluster', (entry) =>
      absolute(entry, directory, ['certificate-authority']),
    )
    addEntries<UserEntry>(file, merged.users, parsed.users, 'user', (entry, name) => {
      merged.userFiles.set(name, file)
      return absoluteUser(absolute(entry, directory, ['client-certificate', 'client-key', 'tokenFile']), directory)
    })
    addEntries<ContextEntry>(file, merged.contexts, parsed.contexts, 'context', (entry) => entry)
  }
  return merged
}

async function readConfig(file: string, required: boolean): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !required) return undefined
    throw new CassSniError('CSNI103', `cannot read kubeconfig ${file}: ${systemError(error)}`, {
      next: [hint('set another file with --kubeconfig FILE or KUBECONFIG')],
      cause: error,
    })
  }
  const { parseYaml, YamlError } = await import('./kubernetes-yaml.ts')
  let parsed: unknown
  try {
    // kubectl reads the first document only
    parsed = parseYaml(text)[0]
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    const { line } = error
    throw new CassSniError(
      'CSNI103',
      `invalid kubeconfig ${file}: not YAML${line === undefined ? '' : ` (line ${line})`}`,
    )
  }
  if (parsed === null || parsed === undefined) return undefined
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw new CassSniError('CSNI103', `invalid kubeconfig ${file}: not a map`)
  const wrong = mismatch(parsed, CONFIG, '')
  if (wrong !== undefined)
    throw new CassSniError('CSNI103', `invalid kubeconfig ${file}: ${wrong}`, {
      next: [command`kubectl config view`],
    })
  return parsed as Record<string, unknown>
}

/** The type of a field. kubectl rejects a file with a wrong type, such as an unquoted token that parses as a number. */
type Shape =
  | 'text'
  | 'base64'
  | 'boolean'
  | { list: Shape }
  | { map: Shape }
  | { fields: Readonly<Record<string, Shape>> }

const TEXTS: Shape = { list: 'text' }
const named = (field: string, shape: Shape): Shape => ({ list: { fields: { name: 'text', [field]: shape } } })
const CONFIG: Shape = {
  fields: {
    'current-context': 'text',
    clusters: named('cluster', {
      fields: {
        server: 'text',
        'certificate-authority': 'text',
        'certificate-authority-data': 'base64',
        'insecure-skip-tls-verify': 'boolean',
        'tls-server-name': 'text',
        'proxy-url': 'text',
        'disable-compression': 'boolean',
        extensions: { list: { fields: { name: 'text' } } },
      },
    }),
    users: named('user', {
      fields: {
        'client-certificate': 'text',
        'client-certificate-data': 'base64',
        'client-key': 'text',
        'client-key-data': 'base64',
        token: 'text',
        tokenFile: 'text',
        username: 'text',
        password: 'text',
        as: 'text',
        'as-uid': 'text',
        'as-groups': TEXTS,
        'as-user-extra': { map: TEXTS },
        'auth-provider': { fields: { name: 'text', config: { map: 'text' } } },
        exec: {
          fields: {
            apiVersion: 'text',
            command: 'text',
            args: TEXTS,
            env: { list: { fields: { name: 'text', value: 'text' } } },
            installHint: 'text',
            provideClusterInfo: 'boolean',
            interactiveMode: 'text',
          },
        },
      },
    }),
    contexts: named('context', { fields: { cluster: 'text', user: 'text', namespace: 'text' } }),
  },
}

/** Describes a type mismatch and its path, never the value, which may be a secret. */
function mismatch(value: unknown, shape: Shape, path: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (shape === 'text') return typeof value === 'string' ? undefined : `${path} is not a string (quote it)`
  if (shape === 'boolean') return typeof value === 'boolean' ? undefined : `${path} is not a boolean`
  if (shape === 'base64') {
    const valid = typeof value === 'string' && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
    return valid !== false && valid.test(String(value).replace(/[\r\n]/g, '')) ? undefined : `${path} is not base64`
  }
  const isList = Array.isArray(value)
  if (typeof value !== 'object' || isList !== 'list' in shape)
    return `${path} is not ${'list' in shape ? 'a list' : 'a map'}`
  const inner = (key: string | number) =>
    'list' in shape ? shape.list : 'map' in shape ? shape.map : shape.fields[key]
  for (const [key, item] of isList ? value.entries() : Object.entries(value)) {
    const expected = inner(key)
    const wrong =
      expected && mismatch(item, expected, isList ? `${path}[${key}]` : path === '' ? `${key}` : `${path}.${key}`)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

function addEntries<T extends object>(
  file: string,
  into: Map<string, T>,
  list: unknown,
  field: string,
  finish: (entry: T, name: string) => T,
): void {
  const own = new Set<string>()
  for (const item of (list ?? []) as Record<string, unknown>[]) {
    const name = typeof item?.name === 'string' ? item.name : ''
    if (own.has(name)) throw new CassSniError('CSNI103', `invalid kubeconfig ${file}: duplicate ${field} "${name}"`)
    own.add(name)
    if (into.has(name)) continue
    const entry = item?.[field]
    into.set(name, finish({ ...(entry as object | null | undefined) } as T, name))
  }
}

function absolute<T extends object>(entry: T, directory: string, fields: (keyof T)[]): T {
  for (const field of fields) {
    const path = entry[field]
    if (typeof path === 'string' && path !== '' && !isAbsolute(path))
      Object.assign(entry, { [field]: join(directory, path) })
  }
  return entry
}

/** A plugin command with a slash is relative to the file; one without is looked up in PATH. */
function absoluteUser(user: UserEntry, directory: string): UserEntry {
  const program = user.exec?.command
  if (user.exec === undefined || program === undefined || isAbsolute(program) || !program.includes(sep)) return user
  return { ...user, exec: { ...user.exec, command: join(directory, program) } }
}
