/** What kubectl refuses to connect with (kubernetes/client-go tools/clientcmd/validation.go, rest/config.go). */
import { CassSniError, command, hint } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import type { Connection } from './connection-flags.ts'
import type { KubeTarget } from './kube.ts'
import type { ClusterEntry, ExecEntry, UserEntry } from './kubeconfig-files.ts'

/** The APIs that a credential plugin may speak (client-go plugin/pkg/client/auth/exec/exec.go). */
const EXEC_APIS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']
const INTERACTIVE_MODES = ['Never', 'IfAvailable', 'Always']

/**
 * Why this cluster and user, flags included, cannot be used: CSNI103, or CSNI101 when a flag is the reason. Undefined
 * when all is well. Names fields, never their values.
 */
export function complaintAbout(
  names: Pick<KubeTarget, 'cluster' | 'user'>,
  cluster: ClusterEntry,
  user: UserEntry,
  flags: Connection,
): CassSniError | undefined {
  const impersonates =
    Boolean(user['as-uid']) || user['as-groups']?.length || Object.keys(user['as-user-extra'] ?? {}).length
  if (!user.as && impersonates) {
    if (flags.asGroups?.length || flags.asUid) {
      return new CassSniError('CSNI101', '--as-group and --as-uid need a user to act as', {
        next: [hint('Add --as USER.')],
      })
    }
    return unusable(`user "${names.user}" of the kubeconfig names groups, a uid or extras to act as, and no user (as)`)
  }
  const ofCluster = clusterComplaint(cluster)
  if (ofCluster !== undefined) return unusable(`cluster "${names.cluster}" of the kubeconfig ${ofCluster}`)
  const ofUser = userComplaint(user)
  return ofUser === undefined ? undefined : unusable(`user "${names.user}" of the kubeconfig ${ofUser}`)
}

function unusable(message: string): CassSniError {
  return new CassSniError('CSNI103', message, { next: [command`kubectl config view`] })
}

function clusterComplaint(cluster: ClusterEntry): string | undefined {
  const { server, 'certificate-authority': file, 'certificate-authority-data': data, 'proxy-url': proxy } = cluster
  if (!server) return 'has no server'
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `http://${server}`
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    return `has a server that is not an http(s) URL: ${server.replace(/\/\/[^/]*@/, '//')}`
  if (proxy && !(URL.canParse(proxy) && ['http:', 'https:', 'socks5:'].includes(new URL(proxy).protocol)))
    return 'has a proxy-url that is not an http, https or socks5 URL'
  if (file && data) return 'has both certificate-authority and certificate-authority-data'
  // it is not clear what is meant
  if (cluster['insecure-skip-tls-verify'] === true && (file || data))
    return 'names a certificate authority and says insecure-skip-tls-verify'
  return undefined
}

function userComplaint(user: UserEntry): string | undefined {
  const { 'client-certificate': file, 'client-certificate-data': data } = user
  const { 'client-key': keyFile, 'client-key-data': keyData } = user
  if (file && data) return 'has both client-certificate and client-certificate-data'
  if (file || data) {
    if (keyFile && keyData) return 'has both client-key and client-key-data'
    if (!keyFile && !keyData) return 'has a client certificate without its key'
  }
  if (user.exec !== undefined && user.exec !== null) {
    if (user['auth-provider']) return 'has both exec and auth-provider'
    const trouble = execComplaint(user.exec)
    if (trouble !== undefined) return `has an exec plugin ${trouble}`
  }
  if (user.token && (user.username || user.password)) return 'has both a token and a username or password'
  return undefined
}

function execComplaint({ command: program, apiVersion, env, interactiveMode }: ExecEntry): string | undefined {
  if (!program) return 'without a command'
  if (!apiVersion) return 'without an apiVersion'
  if (!EXEC_APIS.includes(apiVersion)) return `of apiVersion ${apiVersion}, which is not supported`
  if (env?.some(({ name }) => !name)) return 'with a variable that has no name'
  // only the newer API has no default (client-go tools/clientcmd/api/v1/defaults.go)
  if (!interactiveMode && apiVersion === EXEC_APIS[0]) return 'without an interactiveMode'
  if (interactiveMode && !INTERACTIVE_MODES.includes(interactiveMode)) return `of interactiveMode ${interactiveMode}`
  return undefined
}

/** What a file that the kubeconfig names becomes when it cannot be read. */
export function unreadable(file: string, what: string, error: unknown): CassSniError {
  return new CassSniError(
    'CSNI103',
    `${what} named in the kubeconfig cannot be read from ${file}: ${systemError(error)}`,
    {
      next: [command`kubectl config view`],
      cause: error,
    },
  )
}
