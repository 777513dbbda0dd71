/** Which gateway is meant, and which labels make Istio inject. */
import { CassSniError } from '../errors.ts'
import type { IngressGateway, Mesh } from './mesh.ts'

/**
 * The one ingress gateway there is, or the one named "namespace/service" or "service".
 * Throws CSNI502 when there is none of that name (or none at all), CSNI105 listing the candidates when several fit.
 */
export function chooseGateway(mesh: Mesh, wanted?: string): IngressGateway {
  const named = wanted === undefined || wanted === '' ? undefined : wanted
  const fitting =
    named === undefined
      ? unmanagedFirst(mesh.gateways)
      : mesh.gateways.filter((gateway) => nameOf(gateway) === named || (!named.includes('/') && gateway.service === named))
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) return only
  if (fitting.length > 1) {
    const names = fitting.map(nameOf)
    throw new CassSniError('CSNI105', `${fitting.length} ingress gateways fit: ${names.join(', ')}`, {
      object: 'services of ingress gateways',
      next: names.map((name) => `--gateway ${name}`),
    })
  }
  if (mesh.gateways.length === 0) {
    const where = mesh.istiods.length === 0 ? '' : `; istiod runs in ${mesh.istiods.map((istiod) => `${istiod.namespace}/${istiod.deployment}`).join(', ')}`
    throw new CassSniError(
      'CSNI502',
      `there is no ingress gateway of Istio that you may see${named === undefined ? '' : `, so none called ${named}`}${where}`,
      {
        object: named === undefined ? 'services of ingress gateways' : `service ${named}`,
        next: ['kubectl cass-sni install', 'kubectl get services -A -l istio'],
      },
    )
  }
  throw new CassSniError('CSNI502', `${named} is no ingress gateway; there is ${mesh.gateways.map(nameOf).join(', ')}`, {
    object: `service ${named}`,
    next: mesh.gateways.map((gateway) => `--gateway ${nameOf(gateway)}`),
  })
}

/** "namespace/service": how a gateway is named in flags and results. */
export function nameOf(gateway: IngressGateway): string {
  return `${gateway.namespace}/${gateway.service}`
}

function unmanagedFirst(gateways: IngressGateway[]): IngressGateway[] {
  const unmanaged = gateways.filter((gateway) => gateway.managed !== true)
  return unmanaged.length > 0 ? unmanaged : gateways
}

/**
 * The labels of a namespace that make Istio inject sidecars there: istio-injection=enabled for the revision or tag "default",
 * istio.io/rev=<revision> for any other. Without a revision: the default one, or the only one there is.
 * Throws CSNI105 when there are several and none is the default, CSNI501 when the named one does not exist.
 */
export function injectionLabels(mesh: Mesh, revision?: string): Record<string, string> {
  const tags = mesh.revisionTags ?? []
  const names = [...new Set([...mesh.istiods.map((istiod) => istiod.revision), ...tags.map((each) => each.tag)])].sort()
  if (revision !== undefined) {
    if (names.length > 0 && !names.includes(revision)) {
      throw new CassSniError('CSNI501', `there is no Istio of revision ${revision}; there is ${names.join(', ')}`, {
        object: 'deployments of istiod',
        next: names.map((name) => `--istio-revision ${name}`),
      })
    }
    return revision === 'default' ? { 'istio-injection': 'enabled' } : { 'istio.io/rev': revision }
  }
  const [only] = names
  if (only === undefined || names.includes('default')) return { 'istio-injection': 'enabled' }
  if (names.length === 1) return { 'istio.io/rev': only }
  throw new CassSniError('CSNI105', `there are several revisions of Istio and none is the default: ${names.join(', ')}`, {
    object: 'deployments of istiod',
    next: names.map((name) => `--istio-revision ${name}`),
  })
}
