/** System namespaces, in which Cassandra and cass-operator are not installed. */
import { again, CassSniError } from '../../errors.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { Setup } from './step.ts'

/** Created by Kubernetes (kubernetes/kubernetes pkg/controlplane/controller/systemnamespaces) and istioctl. */
const SYSTEM: Readonly<Record<string, string>> = {
  'kube-system': 'system namespace',
  'kube-public': 'system namespace',
  'kube-node-lease': 'system namespace',
  'istio-system': "Istio's namespace",
}

/**
 * Throws CSNI101 for a system namespace and for one in which istiod runs: the injection label would give sidecars to
 * Istio's pods.
 */
export async function refuseSystemNamespace({ context, namespace }: Setup): Promise<void> {
  const reason = SYSTEM[namespace] ?? ((await runsIstiod(context.kube, namespace)) ? 'istiod runs in it' : undefined)
  if (reason === undefined) return
  throw new CassSniError('CSNI101', `namespace/${namespace}: Cassandra cannot be installed here (${reason})`, {
    object: `namespace/${namespace}`,
    next: [again`-n cass-operator`],
  })
}

async function runsIstiod(kube: Setup['context']['kube'], namespace: string): Promise<boolean> {
  const { istiods } = await observeMesh(kube)
  return istiods.some((each) => each.namespace === namespace)
}
