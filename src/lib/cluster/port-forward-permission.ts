/** Checks the permission to forward ports. The required verbs depend on the server's version. */
import type { Kube } from './kube.ts'
import { POD } from './resources.ts'

/**
 * Returns the first missing verb on pods/portforward, or undefined if port-forwarding is permitted. A WebSocket is a
 * GET and authorized as such; Kubernetes 1.35 also requires `create` (feature gate
 * AuthorizePodWebsocketUpgradeCreatePermission, kubernetes/kubernetes pkg/features/kube_features.go).
 */
export async function missingPortForwardVerb(
  kube: Pick<Kube, 'can' | 'serverVersion'>,
  namespace: string,
): Promise<'get' | 'create' | undefined> {
  const can = (verb: string) => kube.can(verb, POD, namespace, 'portforward')
  const [get, create] = await Promise.all([can('get'), can('create')])
  if (!get) return 'get'
  if (create) return undefined
  const { major, minor } = await kube.serverVersion()
  return major > 1 || minor >= 35 ? 'create' : undefined
}
