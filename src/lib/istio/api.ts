/** Istio's kinds, in the version that this cluster serves. */
import type { ResourceType } from '../cluster/kube.ts'
import { ISTIO_GATEWAY, VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { CassSniError, command } from '../errors.ts'
import type { Mesh } from './mesh.ts'

/**
 * Returns the types of Gateway and VirtualService to write. Throws CSNI501 if the cluster does not serve
 * networking.istio.io.
 */
export function networkingTypes(mesh: Mesh): { gateway: ResourceType; virtualService: ResourceType } {
  const version = mesh.networkingVersion
  if (version === undefined) throw notInstalled()
  return { gateway: { ...ISTIO_GATEWAY, version }, virtualService: { ...VIRTUAL_SERVICE, version } }
}

function notInstalled(): CassSniError {
  return new CassSniError('CSNI501', 'Istio is not installed (API group networking.istio.io not found)', {
    object: 'API group networking.istio.io',
    next: [command`kubectl cass-sni install`],
  })
}
