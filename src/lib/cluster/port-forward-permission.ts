/** May the user forward ports? Servers of different age ask for different verbs. */
import type { Kube } from './kube.ts'
import { POD } from './resources.ts'

/**
 * Of the verbs that port-forwarding needs on pods/portforward, the first that the user lacks; undefined: none. A
 * WebSocket is a GET, and authorized as such; Kubernetes 1.35 asks for `create` besides (feature gate
 * AuthorizePodWebsocketUpgradeCreatePermission, kubernetes/kubernetes pkg/features/kube_features.go).
 */
export async function lackingForPortForward(
  kube: Pick<Kube, 'can' | 'serverVersion'>,
  namespace: string,
): Promise<'get' | 'create' | undefined> {
  const may = (verb: string) => kube.can(verb, POD, namespace, 'portforward')
  const [get, create] = await Promise.all([may('get'), may('create')])
  if (!get) return 'get'
  if (create) return undefined
  const { major, minor } = await kube.serverVersion()
  return major > 1 || minor >= 35 ? 'create' : undefined
}
