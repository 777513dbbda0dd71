/**
 * The kubeconfig: merged, chosen from and overridden as kubectl does it (kubernetes/client-go
 * tools/clientcmd/loader.go).
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, isAbsolute, join, resolve, sep } from 'node:path'
import { unescape as decoded } from 'node:querystring'
import { CassSniError, command, hint } from '../errors.ts'
import type { KubeOptions, KubeTarget } from './kube.ts'

/** A cluster entry with the field names of the file format (client-go tools/clientcmd/api/v1/types.go). */
export interface ClusterEntry {
  server?: string
  'certificate-authority'?: string
  'certificate-authority-data'?: string
  'insecure-skip-tls-verify'?: boolean
  'tls-server-name'?: string
  'proxy-url'?: string
}

export interface ExecEntry {
  apiVersion?: string
  command?: string
  args?: string[]
  env?: { name: string; value: string }[]
  installHint?: string
  provideClusterInfo?: boolean
  interactiveMode?: string
}

export interface UserEntry {
  'client-certificate'?: string
  'client-certificate-data'?: string
  'client-key'?: string
  'client-key-data'?: string
  token?: string
  tokenFile?: string
  username?: string
  password?: string
  as?: string
  'as-uid'?: string
  'as-groups'?: string[]
  'as-user-extra'?: Record<string, string[]>
  'auth-provider'?: { name?: string; config?: Record<string, string> }
  exec?: ExecEntry
}

export interface ContextEntry {
  cluster?: string
  user?: string
  namespace?: string
}

/** The entries of all files; of two with the same name the first counts. */
export interface MergedConfig {
  files: string[]
  currentContext: string | undefined
  clusters: Map<string, ClusterEntry>
  users: Map<string, UserEntry>
  contexts: Map<string, ContextEntry>
}

/** One choice out of a MergedConfig, all overrides done. Holds secrets: never printed. */
export interface ChosenConfig {
  target: KubeTarget
  cluster: ClusterEntry & { server: string }
  user: UserEntry
}

type Environment = Record<string, string | undefined>

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * What kubectl would connect to with the same flags and environment. Reads files, connects to nothing.
 * Throws CSNI103 when a file, context, cluster or user is missing or unreadable, CSNI101 for --as-group without --as.
 */
export async function chooseConfig(
  options: Omit<KubeOptions, 'signal'>,
  env: Environment = process.env,
): Promise<ChosenConfig> {
  const merged = await mergeConfigs(kubeconfigFiles(options, env), options.kubeconfig !== undefined)
  const empty = merged.contexts.size === 0 && merged.clusters.size === 0
  if (empty && options.context === undefined && options.cluster === undefined) {
    const inside = insideCluster(options, env)
    if (inside !== undefined) return inside
    throw new CassSniError(
      'CSNI103',
      `there is no kubeconfig: ${merged.files.join(', ')} ${merged.files.length > 1 ? 'are' : 'is'} missing or empty`,
      {
        next: [hint('Name one with --kubeconfig FILE or the variable KUBECONFIG.'), command`kubectl config view`],
      },
    )
  }
  return choose(merged, options)
}

/** The files that kubectl would read, in its order of precedence; they need not exist. */
export function kubeconfigFiles(options: { kubeconfig?: string }, env: Environment): string[] {
  if (options.kubeconfig !== undefined && options.kubeconfig !== '') return [options.kubeconfig]
  const listed = (env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '')
  if (listed.length > 0) return [...new Set(listed)]
  return [join(env.HOME ?? homedir(), '.kube', 'config')]
}

/** Reads and merges files. A missing one is passed over unless `required`. */
export async function mergeConfigs(files: string[], required: boolean): Promise<MergedConfig> {
  const merged: MergedConfig = {
    files,
    currentContext: undefined,
    clusters: new Map(),
    users: new Map(),
    contexts: new Map(),
  }
  for (const file of files) {
    const parsed = await readConfig(file, required)
    if (parsed === undefined) continue
    const folder = dirname(resolve(file))
    const current = parsed['current-context']
    if (merged.currentContext === undefined && typeof current === 'string' && current !== '')
      merged.currentContext = current
    addEntries(merged.clusters, parsed.clusters, 'cluster', (entry) =>
      absolute(entry, folder, ['certificate-authority']),
    )
    addEntries(merged.users, parsed.users, 'user', (entry) =>
      absoluteUser(absolute(entry, folder, ['client-certificate', 'client-key', 'tokenFile']), folder),
    )
    addEntries(merged.contexts, parsed.contexts, 'context', (entry) => entry)
  }
  return merged
}

async function readConfig(file: string, required: boolean): Promise<Record<string, unknown> | undefined> {
  let text: string
  try {
    if (!statSync(file).isFile()) throw new Error('it is no file')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && !required) return undefined
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'it may not be read' : message
    throw new CassSniError('CSNI103', `the kubeconfig ${file} cannot be used: ${why}`, {
      next: [hint('Name another with --kubeconfig FILE or the variable KUBECONFIG.')],
      cause: error,
    })
  }
  const { parseYaml, YamlError } = await import('./kubernetes-yaml.ts')
  let parsed: unknown
  try {
    parsed = parseYaml(text)[0]
  } catch (error) {
    if (!(error instanceof YamlError)) throw error
    const { line } = error
    throw new CassSniError(
      'CSNI103',
      `the kubeconfig ${file} is not valid YAML${line === undefined ? '' : ` (line ${line})`}`,
    )
  }
  if (parsed === null || parsed === undefined) return undefined
  if (typeof parsed !== 'object' || Array.isArray(parsed))
    throw new CassSniError('CSNI103', `${file} is not a kubeconfig`)
  return parsed as Record<string, unknown>
}

function addEntries<T extends object>(
  into: Map<string, T>,
  list: unknown,
  field: string,
  finish: (entry: T) => T,
): void {
  if (!Array.isArray(list)) return
  for (const item of list as unknown[]) {
    if (typeof item !== 'object' || item === null) continue
    const { name, [field]: entry } = item as Record<string, unknown>
    if (typeof name !== 'string' || into.has(name)) continue
    into.set(
      name,
      finish({
        ...(typeof entry === 'object' && entry !== null ? entry : {}),
      } as T),
    )
  }
}

function absolute<T extends object>(entry: T, folder: string, fields: (keyof T)[]): T {
  for (const field of fields) {
    const path = entry[field]
    if (typeof path === 'string' && path !== '' && !isAbsolute(path))
      Object.assign(entry, { [field]: join(folder, path) })
  }
  return entry
}

/** A plugin's command with a slash in it is relative to the file as well; without one it is looked up on PATH. */
function absoluteUser(user: UserEntry, folder: string): UserEntry {
  const command = user.exec?.command
  if (user.exec === undefined || command === undefined || isAbsolute(command) || !command.includes(sep)) return user
  return { ...user, exec: { ...user.exec, command: join(folder, command) } }
}

function choose(merged: MergedConfig, options: Omit<KubeOptions, 'signal'>): ChosenConfig {
  const contextName = options.context ?? merged.currentContext
  if (contextName === undefined && options.cluster === undefined) {
    throw new CassSniError(
      'CSNI103',
      `no context is chosen: current-context is not set in ${merged.files.join(', ')}${known('context', merged.contexts)}`,
      {
        next: [command`kubectl config use-context NAME`, hint('Or add --context NAME.')],
      },
    )
  }
  const context = contextName === undefined ? {} : entryOf('context', merged.contexts, contextName, merged.files)
  const clusterName = options.cluster ?? context.cluster
  if (clusterName === undefined || clusterName === '') {
    throw new CassSniError('CSNI103', `context "${contextName}" names no cluster`, {
      next: [command`kubectl config get-contexts`],
    })
  }
  const cluster = entryOf('cluster', merged.clusters, clusterName, merged.files)
  const userName = options.user ?? context.user ?? ''
  const user = userName === '' ? {} : entryOf('user', merged.users, userName, merged.files)
  if (cluster.server === undefined || cluster.server === '') {
    throw new CassSniError('CSNI103', `cluster "${clusterName}" of the kubeconfig has no server`, {
      next: [command`kubectl config view`],
    })
  }
  if (!/^https?:\/\//.test(cluster.server) || !URL.canParse(cluster.server)) {
    throw new CassSniError(
      'CSNI103',
      `the server of cluster "${clusterName}" is not an http(s) URL: ${cluster.server.replace(/\/\/[^/]*@/, '//')}`,
      {
        next: [command`kubectl config view`],
      },
    )
  }
  if (
    cluster['insecure-skip-tls-verify'] === true &&
    (cluster['certificate-authority'] ?? cluster['certificate-authority-data'] ?? '') !== ''
  ) {
    // as client-go transport/transport.go: it is not clear what is meant
    throw new CassSniError(
      'CSNI103',
      `cluster "${clusterName}" of the kubeconfig names a certificate authority and says insecure-skip-tls-verify`,
      {
        next: [command`kubectl config view`],
      },
    )
  }
  const { server, login } = withoutLogin(cluster.server)
  return finishChoice(
    options,
    { context: contextName ?? '', cluster: clusterName, user: userName },
    { ...cluster, server },
    login === undefined || hasCredentials(user) ? user : { ...user, ...login },
    context.namespace,
  )
}

/**
 * "https://user:password@host" without the login: the server is named in messages. Go sends it as Basic
 * authentication.
 */
function withoutLogin(server: string): { server: string; login?: { username: string; password: string } } {
  const url = new URL(server)
  const { username, password } = url
  if (username === '' && password === '') return { server }
  url.username = ''
  url.password = ''
  return { server: url.href.replace(/\/$/, ''), login: { username: decoded(username), password: decoded(password) } }
}

function hasCredentials({ token, tokenFile, username, exec, 'auth-provider': provider }: UserEntry): boolean {
  return (
    [token, tokenFile, username].some((text) => text !== undefined && text !== '') ||
    exec !== undefined ||
    provider !== undefined
  )
}

function finishChoice(
  options: Omit<KubeOptions, 'signal'>,
  names: { context: string; cluster: string; user: string },
  cluster: ClusterEntry & { server: string },
  user: UserEntry,
  contextNamespace: string | undefined,
): ChosenConfig {
  const as = options.as ?? user.as
  const impersonated: UserEntry = {
    ...user,
    ...(as === undefined ? {} : { as }),
    ...(options.asGroups === undefined || options.asGroups.length === 0 ? {} : { 'as-groups': options.asGroups }),
    ...(options.asUid === undefined ? {} : { 'as-uid': options.asUid }),
  }
  if (as === undefined && ((options.asGroups?.length ?? 0) > 0 || options.asUid !== undefined)) {
    throw new CassSniError('CSNI101', '--as-group and --as-uid need a user to act as', {
      next: [hint('Add --as USER.')],
    })
  }
  const ofContext = contextNamespace === '' ? undefined : contextNamespace
  const given = options.namespace ?? ofContext
  const target: KubeTarget = {
    ...names,
    server: cluster.server,
    namespace: given ?? 'default',
    namespaceGiven: given !== undefined,
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecure: true as const } : {}),
    ...(ofContext === undefined ? {} : { contextNamespace: ofContext }),
  }
  return { target, cluster, user: impersonated }
}

function entryOf<T>(what: string, entries: Map<string, T>, name: string, files: string[]): T {
  const entry = entries.get(name)
  if (entry !== undefined) return entry
  throw new CassSniError('CSNI103', `there is no ${what} "${name}" in ${files.join(', ')}${known(what, entries)}`, {
    next: [
      what === 'context'
        ? command`kubectl config get-contexts`
        : what === 'cluster'
          ? command`kubectl config get-clusters`
          : command`kubectl config get-users`,
    ],
  })
}

function known(what: string, entries: Map<string, unknown>): string {
  const names = [...entries.keys()]
  const shown = names.length > 12 ? [...names.slice(0, 12), '…'] : names
  return names.length === 0
    ? `; it holds no ${what}s`
    : `; there ${names.length === 1 ? 'is' : 'are'} ${shown.join(', ')}`
}

/** The service account of the pod that we run in, if we do (client-go rest/config.go InClusterConfig). */
function insideCluster(options: Omit<KubeOptions, 'signal'>, env: Environment): ChosenConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  const tokenFile = `${SERVICE_ACCOUNT}/token`
  if (host === undefined || host === '' || port === undefined || port === '' || !existsSync(tokenFile)) return undefined
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  const namespaceFile = `${SERVICE_ACCOUNT}/namespace`
  const namespace = existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : undefined
  const cluster = {
    server,
    'certificate-authority': `${SERVICE_ACCOUNT}/ca.crt`,
  }
  return finishChoice(
    options,
    { context: 'in-cluster', cluster: 'in-cluster', user: 'service account' },
    cluster,
    { tokenFile },
    namespace,
  )
}
