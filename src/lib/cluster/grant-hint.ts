/** Which of the ClusterRoles in docs/permissions.yaml grants a missing permission. */
import { CassSniError, hint, type NextStep } from '../errors.ts'
import { packageFile } from '../text/package-file.ts'
import { shell } from '../text/shell-words.ts'
import type { KubeTarget } from './kube.ts'

/**
 * Returns the commands by which an administrator grants what a command needs in a namespace (undefined: cluster-wide).
 * They are a hint, without the connection flags of the user who lacks the permission. The current namespace is
 * Cassandra's; any other that is read is the gateway's.
 * @param user as the API server names it
 */
export function grantHint(
  namespace: string | undefined,
  target: Pick<KubeTarget, 'namespace'>,
  user = 'NAME',
): NextStep {
  const role =
    namespace === undefined
      ? 'cass-sni-mesh'
      : namespace === target.namespace
        ? 'cass-sni-datacenter'
        : 'cass-sni-gateway'
  const binding =
    namespace === undefined
      ? shell`kubectl create clusterrolebinding ${role} --clusterrole=${role} --user=${user}`
      : shell`kubectl create rolebinding ${role} -n ${namespace} --clusterrole=${role} --user=${user}`
  const roles = shell`kubectl apply -f ${packageFile('docs/permissions.yaml')}`
  return hint(`an administrator can grant it: ${roles} && ${binding}`)
}

/**
 * Settles as `work` does, except that a missing permission (CSNI203) suggests an administrator: the ClusterRoles in
 * docs/permissions.yaml are not sufficient for the command.
 */
export async function asClusterAdmin<T>(command: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    const { code, message, object, next, cause } = error
    const commands = next.filter((step) => !('hint' in step))
    const administrator = hint(`${command} requires cluster-admin: run it as an administrator`)
    throw new CassSniError(code, message, { object, next: [...commands, administrator], cause })
  }
}
