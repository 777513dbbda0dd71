/** Istio's kinds in the version that this cluster serves. */
import type { ResourceType } from '../cluster/kube.ts'
import { ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { CassSniError, command } from '../errors.ts'
import type { Mesh } from './mesh.ts'

/**
 * Gateway and VirtualService as they are to be written. Throws CSNI501 when the cluster does not serve
 * networking.istio.io.
 */
export function networkingTypes(mesh: Mesh): { gateway: ResourceType; virtualService: ResourceType } {
  const version = mesh.networkingVersion
  if (version === undefined) throw notThere()
  return { gateway: { ...ISTIO_GATEWAY, version }, virtualService: { ...VIRTUAL_SERVICE, version } }
}

function notThere(): CassSniError {
  return new CassSniError('CSNI501', 'Istio is not installed: the cluster does not serve networking.istio.io', {
    object: 'API group networking.istio.io',
    next: [command`kubectl cass-sni install`],
  })
}
