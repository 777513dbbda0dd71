/** May the user forward ports? Servers of different age ask for different verbs. */
import type { Kube } from './kube.ts'
import { POD } from './resources.ts'

/** WebSockets are authorized as `get` before Kubernetes 1.35, and as `create` besides since then (kubernetes/kubernetes
 * staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go). */
const VERBS = ['get', 'create'] as const

/** Of the verbs that port-forwarding needs on pods/portforward, the first that the user lacks; undefined: none. */
export async function lackingForPortForward(
  kube: Pick<Kube, 'can'>,
  namespace: string,
): Promise<(typeof VERBS)[number] | undefined> {
  const allowed = await Promise.all(VERBS.map((verb) => kube.can(verb, POD, namespace, 'portforward')))
  return VERBS.find((_, index) => !allowed[index])
}
