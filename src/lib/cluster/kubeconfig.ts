/**
 * What kubectl would connect to: one choice out of the kubeconfig, with its flags on top (kubernetes/client-go
 * tools/clientcmd/client_config.go).
 */
import { existsSync, readFileSync } from 'node:fs'
import { unescape as decoded } from 'node:querystring'
import { CassSniError, command, hint } from '../errors.ts'
import type { Connection } from './connection-flags.ts'
import type { KubeTarget } from './kube.ts'
import { complaintAbout } from './kubeconfig-rules.ts'
import {
  type ClusterEntry,
  kubeconfigFiles,
  type MergedConfig,
  mergeConfigs,
  type UserEntry,
} from './kubeconfig-files.ts'

/** One choice out of the kubeconfig, all flags on top. Holds secrets: never printed. */
export interface ChosenConfig {
  target: KubeTarget
  cluster: ClusterEntry & { server: string }
  user: UserEntry
  /** Of a server as "https://user:password@host": sent in place of a token. */
  login?: { username: string; password: string } | undefined
  /** The file that the user's entry came from: kubectl writes rotated OIDC tokens back into it. */
  userFile?: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>
type Names = Pick<KubeTarget, 'context' | 'cluster' | 'user'>

/** Where a pod finds who it is. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * What kubectl would connect to with the same flags and environment. Reads files, connects to nothing.
 * Throws CSNI103 when a file, context, cluster or user is missing or cannot be used, CSNI101 for flags that contradict
 * each other or lack one.
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
  // a context may name a user that is not there: kubectl then comes as nobody
  const user =
    flags.user === undefined
      ? (merged.users.get(names.user) ?? {})
      : entryOf('user', merged.users, flags.user, merged.files)
  const inside = isInside(env, account)
  if (Object.keys(cluster).length === 0 && flags.server === undefined) {
    if (!inside) throw nothingChosen(merged, names)
    const service = { server: serviceAddress(env), 'certificate-authority': `${account}/ca.crt` }
    const user = { tokenFile: flags.token === undefined ? `${account}/token` : undefined }
    const pod = { context: 'in-cluster', cluster: 'in-cluster', user: 'service account' }
    return finish(flags, pod, service, user, { namespace: podNamespace(env, account) })
  }
  const namespace = context.namespace || (inside ? podNamespace(env, account) : undefined)
  return finish(flags, names, cluster, user, { namespace, contextNamespace: context.namespace }, merged.userFiles)
}

/** Puts the flags on top, and looks at the whole as kubectl does before it connects. */
function finish(
  flags: Connection,
  names: Names,
  clusterEntry: ClusterEntry,
  userEntry: UserEntry,
  places: { namespace: string | undefined; contextNamespace?: string | undefined },
  userFiles?: MergedConfig['userFiles'],
): ChosenConfig {
  const cluster = withClusterFlags(clusterEntry, flags)
  const user = withUserFlags(userEntry, flags)
  const complaint = complaintAbout(names, cluster, user, flags)
  if (complaint !== undefined) throw complaint
  const { server, login } = withoutLogin(withScheme(cluster.server ?? ''))
  const namespace = flags.namespace ?? (places.namespace || undefined)
  return {
    target: {
      ...names,
      server,
      namespace: namespace ?? 'default',
      namespaceGiven: namespace !== undefined,
      insecure: cluster['insecure-skip-tls-verify'] === true ? true : undefined,
      contextNamespace: places.contextNamespace || undefined,
    },
    cluster: { ...cluster, server },
    user,
    login,
    userFile: userFiles?.get(names.user),
  }
}

function withClusterFlags(entry: ClusterEntry, flags: Connection): ClusterEntry {
  const cluster = { ...entry, server: flags.server ?? entry.server }
  // a certificate authority by flag replaces what the file says of trust, and so does no trust at all
  if (flags.insecureSkipTlsVerify === true || flags.certificateAuthority !== undefined) {
    cluster['insecure-skip-tls-verify'] = flags.insecureSkipTlsVerify
    cluster['certificate-authority'] = flags.certificateAuthority
    cluster['certificate-authority-data'] = undefined
  }
  // the name in the file is that of the server in the file
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

/** "host:port" is taken for plain HTTP (client-go rest/url_utils.go DefaultServerURL). */
function withScheme(server: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `http://${server}`
}

/** "https://user:password@host" without the login: the server is named in messages. */
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

/** Why there is no cluster to connect to. */
function nothingChosen({ files, contexts, clusters }: MergedConfig, { context, cluster }: Names): CassSniError {
  if (contexts.size === 0 && clusters.size === 0) {
    return new CassSniError(
      'CSNI103',
      `there is no kubeconfig: ${files.join(', ')} ${files.length > 1 ? 'are' : 'is'} missing or empty`,
      { next: [hint('Name one with --kubeconfig FILE or the variable KUBECONFIG.'), command`kubectl config view`] },
    )
  }
  if (context === '') {
    return new CassSniError(
      'CSNI103',
      `no context is chosen: current-context is not set in ${files.join(', ')}${known('context', contexts)}`,
      {
        next: [
          hint('name one with --context, or choose one with "kubectl config use-context"'),
          command`kubectl config get-contexts`,
        ],
      },
    )
  }
  if (cluster === '') {
    return new CassSniError('CSNI103', `context "${context}" names no cluster`, {
      next: [command`kubectl config get-contexts`],
    })
  }
  return new CassSniError(
    'CSNI103',
    `there is no cluster "${cluster}" in ${files.join(', ')}${known('cluster', clusters)}`,
    {
      next: [command`kubectl config get-clusters`],
    },
  )
}

function known(what: string, entries: Map<string, unknown>): string {
  const names = [...entries.keys()]
  const shown = names.length > 12 ? [...names.slice(0, 12), '…'] : names
  return names.length === 0
    ? `; it holds no ${what}s`
    : `; there ${names.length === 1 ? 'is' : 'are'} ${shown.join(', ')}`
}

/** Whether we run in a pod with a service account (client-go client_config.go inClusterClientConfig.Possible). */
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
