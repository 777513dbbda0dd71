/** Names for shell completion, from the kubeconfig and the cluster. */
import type { KubeOptions } from '../cluster/kube.ts'
import { CASSANDRA_DATACENTER, NAMESPACE } from '../cluster/resources.ts'

type Names = 'namespace' | 'datacenter' | 'node' | 'gateway' | 'context' | 'cluster' | 'user'

/** Returns all names of that kind that the user may see. Rejects like any command if the cluster is unreachable. */
export async function liveNames(what: Names, options: KubeOptions & { datacenter?: string }): Promise<string[]> {
  if (what === 'context' || what === 'cluster' || what === 'user') {
    const { kubeconfigFiles, mergeConfigs } = await import('../cluster/kubeconfig-files.ts')
    const merged = await mergeConfigs(kubeconfigFiles(options, process.env), options.kubeconfig !== undefined)
    return [...merged[`${what}s`].keys()]
  }
  const { connectKube } = await import('../cluster/client.ts')
  const kube = await connectKube(options)
  if (what === 'namespace') return (await kube.list(NAMESPACE)).map(({ metadata }) => metadata.name)
  if (what === 'gateway') {
    const { observeMesh } = await import('../istio/observe-mesh.ts')
    return (await observeMesh(kube, { controlPlanes: false, apis: [] })).gateways.map(
      ({ namespace, service }) => `${namespace}/${service}`,
    )
  }
  const { namespace } = kube.target
  if (what === 'datacenter')
    return (await kube.list(CASSANDRA_DATACENTER, { namespace })).map(({ metadata }) => metadata.name)
  const { observeDatacenter } = await import('../cassandra/observe-datacenter.ts')
  const { nodes } = await observeDatacenter(kube, { namespace, name: options.datacenter })
  return nodes.map(({ pod }) => pod)
}
