/**
 * Selects the cluster and user that kubectl would use: kubeconfig entries overridden by flags (kubernetes/client-go
 * tools/clientcmd/client_config.go).
 */
import { existsSync, readFileSync } from 'node:fs'
import { unescape as decoded } from 'node:querystring'
import { CassSniError, command, hint } from '../errors.ts'
import type { Connection } from './connection-flags.ts'
import type { KubeTarget } from './kube.ts'
import { configError } from './kubeconfig-rules.ts'
import {
  type ClusterEntry,
  kubeconfigFiles,
  type MergedConfig,
  mergeConfigs,
  type UserEntry,
} from './kubeconfig-files.ts'

/** The selected kubeconfig entries, with all flags applied. Contains secrets: never printed. */
export interface ChosenConfig {
  target: KubeTarget
  cluster: ClusterEntry & { server: string }
  user: UserEntry
  /** User and password in the server URL ("https://user:password@host"): sent instead of a token. */
  login?: { username: string; password: string } | undefined
  /** The file with the user entry: kubectl writes rotated OIDC tokens back to it. */
  userFile?: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>
type Names = Pick<KubeTarget, 'context' | 'cluster' | 'user'>

/** Mount path of a pod's service account token. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Selects the cluster and user that kubectl would use with the same flags and environment. Reads files only.
 * Throws CSNI103 for a missing or invalid file, context, cluster or user, CSNI101 for contradictory or missing flags.
 */
export async function chooseConfig(
  options: Connection,
  env: Environment = process.env,
  account = SERVICE_ACCOUNT,
): Promise<ChosenConfig> {
  const flags = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== '')) as Connection
  const merged = await mergeConfigs(kubeconfigFiles(flags, env), flags.kubeconfig !== undefined)
  const contextName = flags.context ?? merged.currentContext
  const context = contextName === undefined ? {} : entryOf('context', merged.contexts, contextName, merged.files)
  const names: Names = {
    context: contextName ?? '',
    cluster: flags.cluster ?? context.cluster ?? '',
    user: flags.user ?? context.user ?? '',
  }
  const cluster: ClusterEntry = {
    ...(flags.cluster === undefined
      ? merged.clusters.get(names.cluster)
      : entryOf('cluster', merged.clusters, flags.cluster, merged.files)),
  }
  // as in kubectl, a context may refer to a user that does not exist
  const user =
    flags.user === undefined
      ? (merged.users.get(names.user) ?? {})
      : entryOf('user', merged.users, flags.user, merged.files)
  const inside = isInside(env, account)
  if (Object.keys(cluster).length === 0 && flags.server === undefined) {
    if (!inside) throw noCluster(merged, names)
    const service = { server: serviceAddress(env), 'certificate-authority': `${account}/ca.crt` }
    const user = { tokenFile: flags.token === undefined ? `${account}/token` : undefined }
    const pod = { context: 'in-cluster', cluster: 'in-cluster', user: 'service account' }
    return finish(flags, pod, service, user, { namespace: podNamespace(env, account) })
  }
  const namespace = context.namespace || (inside ? podNamespace(env, account) : undefined)
  return finish(flags, names, cluster, user, { namespace, contextNamespace: context.namespace }, merged.userFiles)
}

/** Applies the flags and validates the result as kubectl does before it connects. */
function finish(
  flags: Connection,
  names: Names,
  clusterEntry: ClusterEntry,
  userEntry: UserEntry,
  defaults: { namespace: string | undefined; contextNamespace?: string | undefined },
  userFiles?: MergedConfig['userFiles'],
): ChosenConfig {
  const cluster = withClusterFlags(clusterEntry, flags)
  const user = withUserFlags(userEntry, flags)
  const error = configError(names, cluster, user, flags)
  if (error !== undefined) throw error
  const { server, login } = withoutLogin(withScheme(cluster.server ?? ''))
  const namespace = flags.namespace ?? (defaults.namespace || undefined)
  return {
    target: {
      ...names,
      server,
      namespace: namespace ?? 'default',
      namespaceGiven: namespace !== undefined,
      insecure: cluster['insecure-skip-tls-verify'] === true ? true : undefined,
      contextNamespace: defaults.contextNamespace || undefined,
    },
    cluster: { ...cluster, server },
    user,
    login,
    userFile: userFiles?.get(names.user),
  }
}

function withClusterFlags(entry: ClusterEntry, flags: Connection): ClusterEntry {
  const cluster = { ...entry, server: flags.server ?? entry.server }
  // both flags replace all trust settings of the file
  if (flags.insecureSkipTlsVerify === true || flags.certificateAuthority !== undefined) {
    cluster['insecure-skip-tls-verify'] = flags.insecureSkipTlsVerify
    cluster['certificate-authority'] = flags.certificateAuthority
    cluster['certificate-authority-data'] = undefined
  }
  // the name in the file belongs to the server in the file
  if (flags.tlsServerName !== undefined || flags.server !== undefined) cluster['tls-server-name'] = flags.tlsServerName
  if (flags.disableCompression === true) cluster['disable-compression'] = true
  return cluster
}

function withUserFlags(entry: UserEntry, flags: Connection): UserEntry {
  const given: UserEntry = {
    token: flags.token,
    username: flags.username,
    password: flags.password,
    'client-certificate': flags.clientCertificate,
    'client-key': flags.clientKey,
    as: flags.as,
    'as-uid': flags.asUid,
    'as-groups': flags.asGroups?.length ? flags.asGroups : undefined,
  }
  return { ...entry, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) }
}

/** "host:port" means plain HTTP (client-go rest/url_utils.go DefaultServerURL). */
function withScheme(server: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `http://${server}`
}

/** Splits user and password off "https://user:password@host", because messages contain the server. */
function withoutLogin(server: string): { server: string; login?: { username: string; password: string } } {
  const url = new URL(server)
  const { username, password } = url
  if (username === '' && password === '') return { server }
  url.username = ''
  url.password = ''
  return { server: url.href.replace(/\/$/, ''), login: { username: decoded(username), password: decoded(password) } }
}

function entryOf<T>(what: string, entries: Map<string, T>, name: string, files: string[]): T {
  const entry = entries.get(name)
  if (entry !== undefined) return entry
  throw new CassSniError('CSNI103', `${what} "${name}" not found in ${files.join(', ')}${known(what, entries)}`, {
    next: [
      what === 'context'
        ? command`kubectl config get-contexts`
        : what === 'cluster'
          ? command`kubectl config get-clusters`
          : command`kubectl config get-users`,
    ],
  })
}

/** The error if no cluster is configured. */
function noCluster({ files, contexts, clusters }: MergedConfig, { context, cluster }: Names): CassSniError {
  if (contexts.size === 0 && clusters.size === 0) {
    return new CassSniError(
      'CSNI103',
      `no kubeconfig: ${files.join(', ')} ${files.length > 1 ? 'are' : 'is'} missing or empty`,
      { next: [hint('set a file with --kubeconfig FILE or KUBECONFIG'), command`kubectl config view`] },
    )
  }
  if (context === '') {
    return new CassSniError(
      'CSNI103',
      `current-context is not set in ${files.join(', ')}${known('context', contexts)}`,
      {
        next: [hint('set one with --context or "kubectl config use-context"'), command`kubectl config get-contexts`],
      },
    )
  }
  if (cluster === '') {
    return new CassSniError('CSNI103', `context "${context}" has no cluster`, {
      next: [command`kubectl config get-contexts`],
    })
  }
  return new CassSniError(
    'CSNI103',
    `cluster "${cluster}" not found in ${files.join(', ')}${known('cluster', clusters)}`,
    {
      next: [command`kubectl config get-clusters`],
    },
  )
}

function known(what: string, entries: Map<string, unknown>): string {
  const names = [...entries.keys()]
  const shown = names.length > 12 ? [...names.slice(0, 12), '…'] : names
  return names.length === 0 ? ` (no ${what}s defined)` : ` (available: ${shown.join(', ')})`
}

/**
 * Whether this process runs in a pod with a service account (client-go client_config.go
 * inClusterClientConfig.Possible).
 */
function isInside(env: Environment, account: string): boolean {
  return Boolean(env.KUBERNETES_SERVICE_HOST && env.KUBERNETES_SERVICE_PORT) && existsSync(`${account}/token`)
}

function serviceAddress({ KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port }: Environment): string {
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The pod's own namespace (client-go client_config.go inClusterClientConfig.Namespace). */
function podNamespace({ POD_NAMESPACE: given }: Environment, account: string): string | undefined {
  if (given) return given
  const file = `${account}/namespace`
  return existsSync(file) ? readFileSync(file, 'utf8').trim() || undefined : undefined
}
