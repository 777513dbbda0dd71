/** Which objects and fields are ours. */
import { FIELD_MANAGER, type KubeObject } from '../cluster/kube.ts'

export { FIELD_MANAGER }

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'
export const DATACENTER_LABEL = 'cass-sni/datacenter'
export const POD_LABEL = 'cass-sni/pod'

/**
 * The labels of an object that is ours as a whole and belongs to a datacenter (metadata.name of the
 * CassandraDatacenter).
 */
export function ownedLabels(datacenterName: string): Record<string, string> {
  return { [MANAGED_BY_LABEL]: FIELD_MANAGER, [DATACENTER_LABEL]: datacenterName }
}

/** A label selector for all that ownedLabels mark. */
export function ownedSelector(datacenterName: string): string {
  return `${MANAGED_BY_LABEL}=${FIELD_MANAGER},${DATACENTER_LABEL}=${datacenterName}`
}

/** True when the object carries our managed-by label. */
export function isOurs(object: KubeObject): boolean {
  return object.metadata.labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER
}

/**
 * Who keeps an object, as far as its labels and field managers tell, e.g. "Helm", "kubectl-edit, argocd-controller".
 */
export function keeperOf(object: KubeObject): string {
  const label = object.metadata.labels?.[MANAGED_BY_LABEL]
  if (label !== undefined) return label
  const managers = new Set(
    (object.metadata.managedFields ?? [])
      .filter((entry) => entry.subresource === undefined)
      .map((entry) => entry.manager ?? ''),
  )
  managers.delete('')
  managers.delete(FIELD_MANAGER)
  return managers.size > 0 ? [...managers].join(', ') : 'somebody else'
}
