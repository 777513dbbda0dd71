/** kubectl's validation of kubeconfig entries (kubernetes/client-go tools/clientcmd/validation.go, rest/config.go). */
import { CassSniError, command, hint } from '../errors.ts'
import { systemError } from '../text/system-errors.ts'
import type { Connection } from './connection-flags.ts'
import type { KubeTarget } from './kube.ts'
import type { ClusterEntry, ExecEntry, UserEntry } from './kubeconfig-files.ts'

/** The supported API versions of credential plugins (client-go plugin/pkg/client/auth/exec/exec.go). */
const EXEC_APIS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']
const INTERACTIVE_MODES = ['Never', 'IfAvailable', 'Always']

/**
 * Validates a cluster and user, with flags applied. Returns CSNI103, or CSNI101 if a flag is the cause; undefined if
 * valid. Messages name fields, never their values.
 */
export function configError(
  names: Pick<KubeTarget, 'cluster' | 'user'>,
  cluster: ClusterEntry,
  user: UserEntry,
  flags: Connection,
): CassSniError | undefined {
  const impersonates =
    Boolean(user['as-uid']) || user['as-groups']?.length || Object.keys(user['as-user-extra'] ?? {}).length
  if (!user.as && impersonates) {
    if (flags.asGroups?.length || flags.asUid) {
      return new CassSniError('CSNI101', '--as-group and --as-uid require --as', {
        next: [hint('add --as USER')],
      })
    }
    return invalid(`user "${names.user}": as-groups, as-uid and as-user-extra require as`)
  }
  const clusterFault = clusterError(cluster)
  if (clusterFault !== undefined) return invalid(`cluster "${names.cluster}": ${clusterFault}`)
  const userFault = userError(user)
  return userFault === undefined ? undefined : invalid(`user "${names.user}": ${userFault}`)
}

function invalid(why: string): CassSniError {
  return new CassSniError('CSNI103', `invalid kubeconfig: ${why}`, { next: [command`kubectl config view`] })
}

function clusterError(cluster: ClusterEntry): string | undefined {
  const { server, 'certificate-authority': file, 'certificate-authority-data': data, 'proxy-url': proxy } = cluster
  if (!server) return 'server is not set'
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(server) ? server : `http://${server}`
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    return `server is not an http(s) URL: ${server.replace(/\/\/[^/]*@/, '//')}`
  if (proxy && !(URL.canParse(proxy) && ['http:', 'https:', 'socks5:'].includes(new URL(proxy).protocol)))
    return 'proxy-url is not an http, https or socks5 URL'
  if (file && data) return 'certificate-authority and certificate-authority-data are mutually exclusive'
  if (cluster['insecure-skip-tls-verify'] === true && (file || data))
    return 'certificate-authority and insecure-skip-tls-verify are mutually exclusive'
  return undefined
}

function userError(user: UserEntry): string | undefined {
  const { 'client-certificate': file, 'client-certificate-data': data } = user
  const { 'client-key': keyFile, 'client-key-data': keyData } = user
  if (file && data) return 'client-certificate and client-certificate-data are mutually exclusive'
  if (file || data) {
    if (keyFile && keyData) return 'client-key and client-key-data are mutually exclusive'
    if (!keyFile && !keyData) return 'client certificate without a client-key'
  }
  if (user.exec !== undefined && user.exec !== null) {
    if (user['auth-provider']) return 'exec and auth-provider are mutually exclusive'
    const fault = execError(user.exec)
    if (fault !== undefined) return fault
  }
  if (user.token && (user.username || user.password)) return 'token and username/password are mutually exclusive'
  return undefined
}

function execError({ command: program, apiVersion, env, interactiveMode }: ExecEntry): string | undefined {
  if (!program) return 'exec.command is not set'
  if (!apiVersion) return 'exec.apiVersion is not set'
  if (!EXEC_APIS.includes(apiVersion)) return `unsupported exec.apiVersion ${apiVersion}`
  if (env?.some(({ name }) => !name)) return 'an entry of exec.env has no name'
  // only the newer API has no default (client-go tools/clientcmd/api/v1/defaults.go)
  if (!interactiveMode && apiVersion === EXEC_APIS[0]) return 'exec.interactiveMode is not set'
  if (interactiveMode && !INTERACTIVE_MODES.includes(interactiveMode))
    return `unsupported exec.interactiveMode ${interactiveMode}`
  return undefined
}

/** The error for an unreadable file that the kubeconfig refers to. */
export function unreadable(file: string, what: string, error: unknown): CassSniError {
  return new CassSniError(
    'CSNI103',
    `cannot read ${what} from ${file} (set in the kubeconfig): ${systemError(error)}`,
    {
      next: [command`kubectl config view`],
      cause: error,
    },
  )
}
