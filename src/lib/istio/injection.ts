/** Which labels make Istio inject its sidecars into a namespace. */
import { again, CassSniError } from '../errors.ts'
import type { Mesh } from './mesh.ts'

/**
 * The labels of a namespace that make Istio inject sidecars there: istio-injection=enabled for the revision or tag
 * "default",
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
        next: names.map((name) => again`--istio-revision ${name}`),
      })
    }
    return revision === 'default' ? { 'istio-injection': 'enabled' } : { 'istio.io/rev': revision }
  }
  const [only] = names
  if (only === undefined || names.includes('default')) return { 'istio-injection': 'enabled' }
  if (names.length === 1) return { 'istio.io/rev': only }
  throw new CassSniError(
    'CSNI105',
    `there are several revisions of Istio and none is the default: ${names.join(', ')}`,
    {
      object: 'deployments of istiod',
      next: names.map((name) => again`--istio-revision ${name}`),
    },
  )
}
