/**
 * Where Istio's mutual TLS is switched off when the user asks for it: pure. With one Service per node nothing of it
 * is needed.
 */
import { CQL_PORT, DATACENTER_LABEL, labelValueFor } from '../cassandra/resource-names.ts'
import type { Desired } from '../changes/changeset.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL, ownedLabels } from '../changes/ownership.ts'
import { apiVersionOf, PEER_AUTHENTICATION } from '../cluster/resources.ts'
import { routeNames } from './sni-names.ts'

/**
 * keep: nothing. port: the datacenter's port for CQL. namespace: all of the namespace. mesh: everything, as in the
 * blog.
 */
export type MtlsMode = 'keep' | 'port' | 'namespace' | 'mesh'

export interface MtlsScope {
  namespace: string
  /** metadata.name of the CassandraDatacenter. */
  datacenter: string
  /**
   * Where a PeerAuthentication means the whole mesh: istiod's own namespace, unless the mesh is configured otherwise.
   */
  rootNamespace: string
  /** Version of security.istio.io to write. */
  securityVersion: string
  /** The port for CQL in the pods; default 9042. */
  nativePort?: number | undefined
}

/**
 * The PeerAuthentication for a mode; none for `keep`. Its name is `default` where Istio heeds only one, so that
 * another's is seen as a conflict.
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
          // A port needs a selector (istio/istio pkg/config/validation/validation.go, validatePeerAuthentication).
          selector: { matchLabels: { [DATACENTER_LABEL]: labelValueFor(scope.datacenter) } },
          portLevelMtls: { [String(scope.nativePort ?? CQL_PORT)]: { mode: 'DISABLE' } },
        }
      : { mtls: { mode: 'DISABLE' } }
  // What is for more than one datacenter belongs to none of them.
  const labels = mode === 'port' ? ownedLabels(scope.datacenter) : { [MANAGED_BY_LABEL]: FIELD_MANAGER }
  return [
    {
      type,
      ownership: 'own',
      object: { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { ...place, labels }, spec },
    },
  ]
}
