/** Istio's kinds in the version that this cluster serves. */
import type { ResourceType } from '../cluster/kube.ts'
import { ISTIO_GATEWAY, PEER_AUTHENTICATION, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { CassSniError } from '../errors.ts'
import type { Mesh } from './mesh.ts'

/** Gateway and VirtualService as they are to be written. Throws CSNI501 when the cluster does not serve networking.istio.io. */
export function networkingTypes(mesh: Mesh): { gateway: ResourceType; virtualService: ResourceType } {
  const version = mesh.networkingVersion
  if (version === undefined) throw notThere('networking.istio.io')
  return { gateway: { ...ISTIO_GATEWAY, version }, virtualService: { ...VIRTUAL_SERVICE, version } }
}

/** PeerAuthentication as it is to be written. Throws CSNI501 when the cluster does not serve security.istio.io. */
export function peerAuthenticationType(mesh: Mesh): ResourceType {
  const version = mesh.securityVersion
  if (version === undefined) throw notThere('security.istio.io')
  return { ...PEER_AUTHENTICATION, version }
}

function notThere(group: string): CassSniError {
  return new CassSniError('CSNI501', `Istio is not installed: the cluster does not serve ${group}`, {
    object: `API group ${group}`,
    next: ['kubectl cass-sni install'],
  })
}
