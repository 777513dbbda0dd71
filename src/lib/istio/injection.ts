/** Which labels make Istio inject its sidecars into a namespace, and whether those that it has do. Pure. */
import { again, CassSniError, command, hint, type NextStep } from '../errors.ts'
import type { Mesh } from './mesh.ts'

export const INJECTION_LABEL = 'istio-injection'
export const REVISION_LABEL = 'istio.io/rev'
const DATAPLANE_LABEL = 'istio.io/dataplane-mode'

type Labels = Readonly<Record<string, string>>

/**
 * What a namespace's labels mean to Istio (istio/istio manifests/charts/istio-control/istio-discovery,
 * mutatingwebhook.yaml).
 */
export interface NamespaceInjection {
  /**
   * sidecar: pods are injected; ambient: captured without a sidecar; declined: istio-injection says no; none: no label.
   */
  mode: 'sidecar' | 'ambient' | 'declined' | 'none'
  /** The labels that decide, "istio.io/rev=canary". Empty without any. */
  labels: string[]
  /** Revision or tag that injects; of a sidecar only. */
  revision?: string | undefined
}

/** Reads the labels of a namespace. istio-injection goes before istio.io/rev, and both before ambient. */
export function namespaceInjection(labels: Labels): NamespaceInjection {
  const injection = labels[INJECTION_LABEL]
  const revision = labels[REVISION_LABEL]
  const shown = [INJECTION_LABEL, REVISION_LABEL, DATAPLANE_LABEL].flatMap((key) =>
    labels[key] === undefined ? [] : [`${key}=${labels[key]}`],
  )
  if (injection === 'enabled') return { mode: 'sidecar', labels: shown, revision: 'default' }
  if (injection !== undefined) return { mode: 'declined', labels: shown }
  if (revision !== undefined && revision !== '') return { mode: 'sidecar', labels: shown, revision }
  if (labels[DATAPLANE_LABEL] === 'ambient') return { mode: 'ambient', labels: shown }
  return { mode: 'none', labels: shown }
}

/** The names that istio.io/rev may have: revisions and tags alike; undefined when not all of them can be seen. */
function injectingNames(mesh: Mesh): string[] | undefined {
  if (mesh.refused !== undefined || mesh.istiods.length === 0) return undefined
  const tags = mesh.revisionTags ?? []
  return [...new Set([...mesh.istiods.map((istiod) => istiod.revision), ...tags.map((each) => each.tag)])].sort()
}

/** The revision behind a name: a tag's, or the name itself. */
function revisionBehind(mesh: Mesh, name: string): string {
  return mesh.revisionTags?.find((each) => each.tag === name)?.revision ?? name
}

/** True when both names lead to the same control plane. */
export function sameRevision(mesh: Mesh, one: string, other: string): boolean {
  return one === other || revisionBehind(mesh, one) === revisionBehind(mesh, other)
}

/**
 * The error for labels of a namespace that cannot all be true: CSNI505. Both labels at once with different revisions,
 * or a revision that nobody serves. Undefined when all is well, or not all revisions can be seen.
 */
export function injectionContradiction(namespace: string, labels: Labels, mesh: Mesh): CassSniError | undefined {
  const found = namespaceInjection(labels)
  if (found.mode !== 'sidecar' || found.revision === undefined) return undefined
  const names = injectingNames(mesh)
  const revision = labels[REVISION_LABEL]
  const contradiction = (why: string, next: NextStep[]) =>
    new CassSniError('CSNI505', `namespace/${namespace}: ${found.labels.join(' and ')}: ${why}`, {
      object: `namespace/${namespace}`,
      next: [...next, hint('or leave the labels as they are: the routes need no sidecar'), again`--injection keep`],
    })
  if (labels[INJECTION_LABEL] === 'enabled' && revision !== undefined && !sameRevision(mesh, 'default', revision)) {
    return contradiction(`${INJECTION_LABEL} takes precedence, ${REVISION_LABEL} has no effect`, [
      command`kubectl label namespace ${namespace} ${INJECTION_LABEL}-`,
      command`kubectl label namespace ${namespace} ${REVISION_LABEL}-`,
    ])
  }
  if (names === undefined || names.includes(found.revision)) return undefined
  const known = names.join(', ')
  if (found.revision === 'default' && labels[INJECTION_LABEL] === 'enabled') {
    return contradiction(
      `no effect: Istio has no revision or tag "default", only ${known}`,
      names.map((name) => command`kubectl label namespace ${namespace} ${INJECTION_LABEL}- ${REVISION_LABEL}=${name}`),
    )
  }
  return contradiction(
    `no effect: Istio has no revision or tag "${found.revision}", only ${known}`,
    names.map((name) => command`kubectl label namespace ${namespace} ${REVISION_LABEL}=${name} --overwrite`),
  )
}

/** Throws CSNI501 when a revision or tag was asked for that Istio does not have. */
export function checkRevision(mesh: Mesh, wanted: string): void {
  const names = injectingNames(mesh)
  if (names === undefined || names.includes(wanted)) return
  throw new CassSniError('CSNI501', `Istio has no revision or tag ${wanted}, only ${names.join(', ')}`, {
    object: 'deployments of istiod',
    next: names.map((name) => again`--istio-revision ${name}`),
  })
}

/**
 * The labels that make Istio inject sidecars: istio-injection=enabled for the revision or tag "default",
 * istio.io/rev=<revision> for any other. Without a revision: the default one, or the only one there is.
 * Throws CSNI105 when there are several and none is the default, CSNI501 when the named one does not exist.
 */
export function injectionLabels(mesh: Mesh, revision?: string | undefined): Record<string, string> {
  if (revision !== undefined) {
    checkRevision(mesh, revision)
    return revision === 'default' ? { [INJECTION_LABEL]: 'enabled' } : { [REVISION_LABEL]: revision }
  }
  const names = injectingNames(mesh) ?? mesh.istiods.map((istiod) => istiod.revision)
  const [only] = names
  if (only === undefined || names.includes('default')) return { [INJECTION_LABEL]: 'enabled' }
  if (names.length === 1) return { [REVISION_LABEL]: only }
  // tags are what Istio recommends to label with: one tag beside its own revision is the choice
  const tags = [...new Set((mesh.revisionTags ?? []).map((each) => each.tag))]
  if (tags.length === 1 && tags[0] !== undefined && mesh.istiods.length === 1) return { [REVISION_LABEL]: tags[0] }
  throw new CassSniError('CSNI105', `Istio has several revisions and none is the default: ${names.join(', ')}`, {
    object: 'deployments of istiod',
    next: [...names.map((name) => again`--istio-revision ${name}`), again`--injection keep`],
  })
}
