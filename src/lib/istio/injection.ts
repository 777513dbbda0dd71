/** The namespace labels that control Istio's sidecar injection. Pure. */
import { again, CassSniError, command, hint, type NextStep } from '../errors.ts'
import type { Mesh } from './mesh.ts'

export const INJECTION_LABEL = 'istio-injection'
export const REVISION_LABEL = 'istio.io/rev'
const DATAPLANE_LABEL = 'istio.io/dataplane-mode'

type Labels = Readonly<Record<string, string>>

/**
 * How Istio interprets a namespace's labels (istio/istio manifests/charts/istio-control/istio-discovery,
 * mutatingwebhook.yaml).
 */
export interface NamespaceInjection {
  /**
   * sidecar: pods are injected; ambient: captured without a sidecar; declined: disabled by istio-injection; none: no
   * label.
   */
  mode: 'sidecar' | 'ambient' | 'declined' | 'none'
  /** The relevant labels, e.g. "istio.io/rev=canary". Empty if none is set. */
  labels: string[]
  /** The injecting revision or tag; in mode sidecar only. */
  revision?: string | undefined
}

/** Interprets the labels of a namespace. istio-injection takes precedence over istio.io/rev, and both over ambient. */
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

/** The valid values of istio.io/rev, revisions and tags; undefined if not all of them can be listed. */
function injectingNames(mesh: Mesh): string[] | undefined {
  if (mesh.refused !== undefined || mesh.istiods.length === 0) return undefined
  const tags = mesh.revisionTags ?? []
  return [...new Set([...mesh.istiods.map((istiod) => istiod.revision), ...tags.map((each) => each.tag)])].sort()
}

/** The revision behind a name: a tag's, or the name itself. */
function revisionBehind(mesh: Mesh, name: string): string {
  return mesh.revisionTags?.find((each) => each.tag === name)?.revision ?? name
}

/** True if both names refer to the same control plane. */
export function sameRevision(mesh: Mesh, one: string, other: string): boolean {
  return one === other || revisionBehind(mesh, one) === revisionBehind(mesh, other)
}

/**
 * Returns CSNI505 for contradictory injection labels: both labels with different revisions, or a revision that does not
 * exist. Undefined if they are consistent, or if not all revisions can be listed.
 */
export function injectionContradiction(namespace: string, labels: Labels, mesh: Mesh): CassSniError | undefined {
  const found = namespaceInjection(labels)
  if (found.mode !== 'sidecar' || found.revision === undefined) return undefined
  const names = injectingNames(mesh)
  const revision = labels[REVISION_LABEL]
  const contradiction = (why: string, next: NextStep[]) =>
    new CassSniError('CSNI505', `namespace/${namespace}: ${found.labels.join(' and ')}: ${why}`, {
      object: `namespace/${namespace}`,
      next: [
        ...next,
        hint('alternatively, keep the labels (the routes do not need sidecars)'),
        again`--injection keep`,
      ],
    })
  if (labels[INJECTION_LABEL] === 'enabled' && revision !== undefined && !sameRevision(mesh, 'default', revision)) {
    return contradiction(`${INJECTION_LABEL} takes precedence and ${REVISION_LABEL} has no effect`, [
      command`kubectl label namespace ${namespace} ${INJECTION_LABEL}-`,
      command`kubectl label namespace ${namespace} ${REVISION_LABEL}-`,
    ])
  }
  if (names === undefined || names.includes(found.revision)) return undefined
  const known = names.join(', ')
  if (found.revision === 'default' && labels[INJECTION_LABEL] === 'enabled') {
    return contradiction(
      `Istio has no revision or tag "default" (available: ${known})`,
      names.map((name) => command`kubectl label namespace ${namespace} ${INJECTION_LABEL}- ${REVISION_LABEL}=${name}`),
    )
  }
  return contradiction(
    `Istio has no revision or tag "${found.revision}" (available: ${known})`,
    names.map((name) => command`kubectl label namespace ${namespace} ${REVISION_LABEL}=${name} --overwrite`),
  )
}

/** Throws CSNI501 if Istio does not have the requested revision or tag. */
export function checkRevision(mesh: Mesh, wanted: string): void {
  const names = injectingNames(mesh)
  if (names === undefined || names.includes(wanted)) return
  throw new CassSniError('CSNI501', `Istio has no revision or tag "${wanted}" (available: ${names.join(', ')})`, {
    object: 'deployments of istiod',
    next: names.map((name) => again`--istio-revision ${name}`),
  })
}

/**
 * Returns the labels that enable injection: istio-injection=enabled for the revision or tag "default",
 * istio.io/rev=<revision> for any other. Without a revision, the default or the only one is used.
 * Throws CSNI105 if there are several and none is the default, CSNI501 if the requested one does not exist.
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
  // Istio recommends labeling with tags: prefer a single tag over the revision it points to
  const tags = [...new Set((mesh.revisionTags ?? []).map((each) => each.tag))]
  if (tags.length === 1 && tags[0] !== undefined && mesh.istiods.length === 1) return { [REVISION_LABEL]: tags[0] }
  throw new CassSniError('CSNI105', `Istio has several revisions and no default: ${names.join(', ')}`, {
    object: 'deployments of istiod',
    next: [...names.map((name) => again`--istio-revision ${name}`), again`--injection keep`],
  })
}
