/**
 * Which objects and fields are ours.
 *
 * An object is ours as a whole (`own`): it carries the managed-by label and is applied as FIELD_MANAGER. Or it is
 * another's and we hold some fields of it (`share`): then each part of the program that puts something there is a taker
 * with a field manager of its own, `kubectl-cass-sni/<taker>`. Server-side apply takes a field away only when the last
 * manager that holds it lets go, so what another datacenter or command put there stays, and what nobody wants any more
 * goes:
 *
 *   the ports of a gateway's Service      routes.<namespace>.<datacenter>     one taker for each datacenter
 *   the labels of a namespace             injection, operator
 *   the pod template of the operator      no-sidecar
 *   annotations of pods                   certs
 *   another's CassandraDatacenter         install
 *
 * The keystore's Secret has no taker: its values are replaced by a merge patch that is bound to uid and resourceVersion
 * (see workflows/certs).
 *
 * Up to version 0.1 all of them were FIELD_MANAGER; see `former` in changeset.ts.
 */
import { createHash } from 'node:crypto'
import { FIELD_MANAGER, type KubeObject } from '../cluster/kube.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'

export { FIELD_MANAGER }

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'

/** The API server takes no longer name of a field manager (apimachinery pkg/apis/meta/v1/validation/validation.go). */
const LONGEST_MANAGER = 128

/** The field manager of a taker. Two takers never have the same. */
export function managerOf(taker: string | undefined): string {
  if (taker === undefined) return FIELD_MANAGER
  const whole = `${FIELD_MANAGER}/${taker}`
  if (whole.length <= LONGEST_MANAGER) return whole
  const hash = createHash('sha256').update(taker).digest('hex').slice(0, 16)
  return `${whole.slice(0, LONGEST_MANAGER - hash.length - 1)}-${hash}`
}

/** The taker for what a datacenter's routes need in objects of others. A namespace's name holds no dot. */
export function routesTaker(datacenter: { namespace: string; name: string }): string {
  return `routes.${datacenter.namespace}.${datacenter.name}`
}

/** True for the field managers of this program. */
export function isOurManager(manager: string | undefined): boolean {
  return manager === FIELD_MANAGER || manager?.startsWith(`${FIELD_MANAGER}/`) === true
}

/**
 * The labels of an object that is ours as a whole and belongs to a datacenter (metadata.name of the
 * CassandraDatacenter).
 */
export function ownedLabels(datacenterName: string): Record<string, string> {
  return { [MANAGED_BY_LABEL]: FIELD_MANAGER, [OWNER_LABEL]: datacenterName }
}

/** A label selector for all that ownedLabels mark. */
export function ownedSelector(datacenterName: string): string {
  return `${MANAGED_BY_LABEL}=${FIELD_MANAGER},${OWNER_LABEL}=${datacenterName}`
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
      .filter((entry) => entry.subresource === undefined && !isOurManager(entry.manager))
      .map((entry) => entry.manager ?? ''),
  )
  managers.delete('')
  return managers.size > 0 ? [...managers].join(', ') : 'somebody else'
}
