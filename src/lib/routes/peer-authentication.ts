/**
 * The PeerAuthentication that disables Istio's mutual TLS on request. Pure. Not needed with one Service per node.
 */
import { CQL_PORT, DATACENTER_LABEL, labelValueFor } from '../cassandra/resource-names.ts'
import type { Desired } from '../changes/changeset.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL, ownedLabels } from '../changes/ownership.ts'
import { apiVersionOf, PEER_AUTHENTICATION } from '../cluster/resources.ts'
import { routeNames } from './sni-names.ts'

/** keep: no change. port: the datacenter's CQL port. namespace: the whole namespace. mesh: the whole mesh. */
export type MtlsMode = 'keep' | 'port' | 'namespace' | 'mesh'

export interface MtlsScope {
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
  /** The namespace in which a PeerAuthentication applies to the whole mesh: istiod's, unless configured otherwise. */
  rootNamespace: string
  /** Version of security.istio.io to write. */
  securityVersion: string
  /** The CQL port of the pods; default 9042. */
  nativePort?: number | undefined
}

/**
 * Returns the PeerAuthentication for a mode; none for `keep`. Where Istio uses only one, its name is `default`: an
 * existing one is a conflict.
 */
export function desiredPeerAuthentication(mode: MtlsMode, scope: MtlsScope): Desired[] {
  if (mode === 'keep') return []
  const type = { ...PEER_AUTHENTICATION, version: scope.securityVersion }
  const place = {
    port: { name: routeNames(scope.datacenter).gateway, namespace: scope.namespace },
    namespace: { name: 'default', namespace: scope.namespace },
    mesh: { name: 'default', namespace: scope.rootNamespace },
  }[mode]
  const spec =
    mode === 'port'
      ? {
          // portLevelMtls requires a selector (istio/istio pkg/config/validation/validation.go,
          // validatePeerAuthentication).
          selector: { matchLabels: { [DATACENTER_LABEL]: labelValueFor(scope.datacenter) } },
          portLevelMtls: { [String(scope.nativePort ?? CQL_PORT)]: { mode: 'DISABLE' } },
        }
      : { mtls: { mode: 'DISABLE' } }
  // An object for several datacenters is owned by none of them.
  const labels = mode === 'port' ? ownedLabels(scope.datacenter) : { [MANAGED_BY_LABEL]: FIELD_MANAGER }
  return [
    {
      type,
      ownership: 'own',
      object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { ...place, labels }, spec },
    },
  ]
}
