/** The DNS domain of the cluster, with which the DNS names of nodes end. */
import type { Kube } from '../cluster/kube.ts'
import { CONFIG_MAP } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { Datacenter } from './datacenter.ts'

/** Default of the kubelet and CoreDNS. */
export const DEFAULT_CLUSTER_DOMAIN = 'cluster.local'

/** Returns the datacenter with its nodes' DNS names in the known domain, else in the one that CoreDNS serves. */
export async function inClusterDomain(kube: Kube, datacenter: Datacenter, known?: string): Promise<Datacenter> {
  const domain = known ?? (await readClusterDomain(kube)) ?? DEFAULT_CLUSTER_DOMAIN
  if (domain === datacenter.clusterDomain) return datacenter
  const inDomain = (name: string) => `${name.slice(0, -datacenter.clusterDomain.length)}${domain}`
  return {
    ...datacenter,
    clusterDomain: domain,
    nodes: datacenter.nodes.map((node) => ({ ...node, dnsName: inDomain(node.dnsName) })),
  }
}

/**
 * Returns the first zone of the plugin `kubernetes` in CoreDNS' Corefile (coredns.io/plugins/kubernetes); undefined
 * with another DNS server, or without permission to read its configuration.
 */
async function readClusterDomain(kube: Kube): Promise<string | undefined> {
  const map = await unless('CSNI203', kube.get(CONFIG_MAP, 'coredns', 'kube-system'))
  const { Corefile = '' } = (map?.['data'] ?? {}) as { Corefile?: string }
  const zone = /^\s*kubernetes\s+([a-z0-9.-]+)/im.exec(Corefile)?.[1]?.replace(/\.$/, '')
  return zone === undefined || zone.endsWith('.arpa') || zone === '' ? undefined : zone
}
