/** Namespaces that are the cluster's or Istio's own: Cassandra and its operator do not go there. */
import { again, CassSniError } from '../../errors.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { Setup } from './step.ts'

/**
 * Those that Kubernetes makes for itself (kubernetes/kubernetes pkg/controlplane/controller/systemnamespaces), and
 * istioctl's.
 */
const SYSTEM: Readonly<Record<string, string>> = {
  'kube-system': 'it is one of Kubernetes itself',
  'kube-public': 'it is one of Kubernetes itself',
  'kube-node-lease': 'it is one of Kubernetes itself',
  'istio-system': 'it is the one of Istio itself',
}

/**
 * Throws CSNI101 for a system namespace and for one in which istiod runs: with the injection label, Istio's own pods
 * would get sidecars.
 */
export async function refuseSystemNamespace({ context, namespace }: Setup): Promise<void> {
  const why = SYSTEM[namespace] ?? ((await runsIstiod(context.kube, namespace)) ? 'istiod runs there' : undefined)
  if (why === undefined) return
  throw new CassSniError('CSNI101', `namespace/${namespace}: Cassandra is not installed there: ${why}`, {
    object: `namespace/${namespace}`,
    next: [again`-n cass-operator`],
  })
}

async function runsIstiod(kube: Setup['context']['kube'], namespace: string): Promise<boolean> {
  const { istiods } = await observeMesh(kube)
  return istiods.some((each) => each.namespace === namespace)
}
