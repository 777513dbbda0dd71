/** The document of the metadata service: drivers with a secure connect bundle start with it. Pure. */
import type { CassandraNode, Datacenter } from '../cassandra/datacenter.ts'

/** Path of the document; the drivers have no other. */
export const METADATA_PATH = '/metadata'

/**
 * The fields that drivers read (apache/cassandra-java-driver core/…/config/cloud/CloudConfigFactory.java,
 * datastax/nodejs-driver lib/datastax/cloud/index.js, datastax/python-driver cassandra/datastax/cloud/__init__.py,
 * datastax/cql-proxy astra/endpoint.go).
 */
export interface MetadataDocument {
  version: 1
  /** cql-proxy takes it for the datacenter's name. */
  region: string
  contact_info: {
    type: 'sni_proxy'
    /** The datacenter's name in Cassandra. */
    local_dc: string
    /** Host IDs, which are the SNI names of the nodes. */
    contact_points: string[]
    /** "host:port" of the gateway: most drivers require the port. */
    sni_proxy_address: string
  }
}

type Named = Pick<Datacenter, 'cassandraName'> & { nodes: readonly HostIdOf[] }
type HostIdOf = Pick<CassandraNode, 'hostId' | 'ready' | 'terminating'>

/**
 * Returns the document for clients that reach the gateway at `address` ("host:port"); undefined if no node is ready: a
 * driver cannot start without a contact point.
 */
export function metadataDocument(datacenter: Named, address: string): MetadataDocument | undefined {
  const points = contactPoints(datacenter)
  if (points.length === 0) return undefined
  return {
    version: 1,
    region: datacenter.cassandraName,
    contact_info: {
      type: 'sni_proxy',
      local_dc: datacenter.cassandraName,
      contact_points: points,
      sni_proxy_address: address,
    },
  }
}

/** Returns the host IDs of the nodes that accept clients. */
export function contactPoints({ nodes }: Pick<Named, 'nodes'>): string[] {
  return nodes.flatMap(({ hostId, ready, terminating }) =>
    hostId !== undefined && ready && !terminating ? [hostId] : [],
  )
}
