/** Where the routes of each backend lead, and how live routes show which backend made them. Pure. */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { CQL_PORT } from '../../cassandra/resource-names.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import type { DestinationRuleSpec } from '../../istio/networking.ts'
import { nodeServiceName, serviceHost, subsetName } from '../sni-names.ts'
import { anyNodeUpstream } from './all-nodes-service.ts'
import type { Upstream } from './backend.ts'

/** The label that Kubernetes sets on each pod of a StatefulSet. */
export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name'

/** The hosts of our ServiceEntries: a name that no DNS server and no other object has. */
const ENTRY_DOMAIN = 'cass-sni.internal'

/** Backend `service`: the node's own Service. */
export function serviceUpstream(pod: string, { namespace, clusterDomain }: Datacenter): Upstream {
  return { host: serviceHost(nodeServiceName(pod), namespace, clusterDomain), port: CQL_PORT }
}

/** Backend `subset`: a subset of the Service of all nodes. */
export function subsetUpstream(pod: string, datacenter: Datacenter): Upstream {
  return { ...anyNodeUpstream(datacenter), subset: subsetName(pod) }
}

/** Backend `serviceentry`: the node's ServiceEntry. */
export function entryUpstream(pod: string, { namespace }: Datacenter): Upstream {
  return { host: `${nodeServiceName(pod)}.${namespace}.${ENTRY_DOMAIN}`, port: CQL_PORT }
}

/** Returns where the routes of a node may lead, with any backend. */
export function upstreamsOf(pod: string, datacenter: Datacenter): Upstream[] {
  return [serviceUpstream, subsetUpstream, entryUpstream].map((upstream) => upstream(pod, datacenter))
}

/** Returns whether a destination host is that of a ServiceEntry of this program. */
export function isEntryHost(host: string): boolean {
  return host.endsWith(`.${ENTRY_DOMAIN}`)
}

/** Returns the pods of the subsets in a DestinationRule of this program; none for another object. */
export function subsetPods({ kind, spec }: KubeObject): string[] {
  if (kind !== 'DestinationRule') return []
  return ((spec as Partial<DestinationRuleSpec> | undefined)?.subsets ?? []).flatMap(
    ({ labels }) => labels[POD_NAME_LABEL] ?? [],
  )
}
