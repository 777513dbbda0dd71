/**
 * The other datacenters of a Cassandra cluster, whose nodes connect to those of a datacenter with the same kind of
 * keystore: a CA can only be replaced in all of them together. Those in other Kubernetes clusters are not visible.
 */
import { keystoreObject } from '../../cassandra/authority-secret.ts'
import type { Datacenter } from '../../cassandra/datacenter.ts'
import { type CassandraDatacenterObject, datacenterFrom } from '../../cassandra/datacenter-from.ts'
import type { AuthorityPath } from '../../certificates/authority-path.ts'
import { type Certificate, signedBy } from '../../certificates/certificate.ts'
import { gatherKeystore } from '../../certificates/gather/gather-material.ts'
import type { Current } from '../../certificates/policies.ts'
import { CASSANDRA_DATACENTER } from '../../cluster/resources.ts'
import { asCassSniError, CassSniError, command, hint } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'

interface Scope {
  context: WorkflowContext
  dc: Datacenter
}

/**
 * Requires that the nodes of the other datacenters that trust the current CA also trust the new one.
 * @throws CSNI404 naming the first that does not; warns of those that cannot be read
 */
export function requirePeersTrust(scope: Scope, [current]: AuthorityPath, [next]: AuthorityPath): Promise<void> {
  return requirePeers(
    scope,
    `does not trust the new CA (${next.subject})`,
    ({ trusted }) => !includes(trusted, current) || includes(trusted, next),
  )
}

/**
 * Requires that the nodes of the other datacenters have no certificate of the previous CA.
 * @throws CSNI404 naming the first that has one; warns of those that cannot be read
 */
export function requirePeersReplaced(scope: Scope, [previous]: AuthorityPath): Promise<void> {
  return requirePeers(
    scope,
    `still has a certificate of the previous CA (${previous.subject})`,
    ({ leaf }) => !signedBy(leaf.x509, previous.x509),
  )
}

function includes(certificates: readonly Certificate[], { fingerprint256 }: Certificate): boolean {
  return certificates.some((each) => each.fingerprint256 === fingerprint256)
}

async function requirePeers(
  { context, dc }: Scope,
  fault: string,
  isReady: (current: Current) => boolean,
): Promise<void> {
  for (const peer of await peersOf(context, dc)) {
    const object = `cassandradatacenter/${peer.name} in namespace ${peer.namespace}`
    const opened = await gatherKeystore(context.kube, peer).catch(asCassSniError)
    if (opened instanceof CassSniError) {
      // This datacenter has another keystore, so its CA is another one.
      if (opened.code === 'CSNI204') continue
      context.emit({
        type: 'warning',
        code: opened.code,
        message: `cannot check whether ${object}, of the same cluster, ${fault}: ${opened.message}`,
      })
    } else if (opened.keystore.current !== undefined && !isReady(opened.keystore.current)) {
      throw new CassSniError('CSNI404', `${object}, of the same cluster: ${keystoreObject(peer)} ${fault}`, {
        object,
        next: [
          hint('rotate every datacenter of the cluster to the same CA, with --ca-file and --ca-key-file'),
          command`kubectl cass-sni certs rotate-ca -n ${peer.namespace} -d ${peer.name} --dry-run`,
        ],
      })
    }
  }
}

/** Other datacenters of the cluster with encrypted connections between nodes. */
async function peersOf({ kube }: WorkflowContext, dc: Datacenter): Promise<Datacenter[]> {
  const all = await kube.list<CassandraDatacenterObject>(CASSANDRA_DATACENTER).catch((error: unknown) => {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    return kube.list<CassandraDatacenterObject>(CASSANDRA_DATACENTER, { namespace: dc.namespace })
  })
  return all
    .map((cr) => datacenterFrom({ cr, statefulSets: [], pods: [] }))
    .filter(
      ({ uid, clusterName, serverEncryption }) =>
        uid !== dc.uid && clusterName === dc.clusterName && serverEncryption.enabled,
    )
}
