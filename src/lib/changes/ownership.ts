/**
 * Which objects and fields this program manages.
 *
 * It manages an object as a whole (`own`): the object has the managed-by label and is applied as FIELD_MANAGER. Or it
 * manages some fields of an object with another owner (`share`): then each use has its own field manager,
 * `kubectl-cass-sni/<suffix>`. Server-side apply removes a field only after the last manager that owns it releases it,
 * so fields of other datacenters and commands stay, and unused ones are removed:
 *
 *   ports of a gateway's Service        routes.<namespace>.<datacenter>     one suffix per datacenter
 *   labels of a namespace               injection, operator
 *   pod template of cass-operator       no-sidecar
 *   annotations of pods                 certs
 *   CassandraDatacenters of others      install
 *
 * The keystore Secret has no suffix: its values are replaced with a merge patch that is bound to uid and
 * resourceVersion (see workflows/certs).
 *
 * Up to version 0.1, all fields were applied as FIELD_MANAGER; see `former` in changeset.ts.
 */
import { createHash } from 'node:crypto'
import { FIELD_MANAGER, type KubeObject } from '../cluster/kube.ts'
import { OWNER_LABEL } from '../text/own-keys.ts'

export { FIELD_MANAGER }

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'

/** The API server's limit for the name of a field manager (apimachinery pkg/apis/meta/v1/validation/validation.go). */
const MAX_MANAGER_LENGTH = 128

/** The field manager of `routesManagerSuffix`. */
const ROUTES_MANAGER = /^kubectl-cass-sni\/routes\.(?<namespace>[^.]+)\.(?<name>.+)$/

/** Returns the field manager with this suffix. Different suffixes never share one. */
export function managerOf(suffix: string | undefined): string {
  if (suffix === undefined) return FIELD_MANAGER
  const whole = `${FIELD_MANAGER}/${suffix}`
  if (whole.length <= MAX_MANAGER_LENGTH) return whole
  const hash = createHash('sha256').update(suffix).digest('hex').slice(0, 16)
  return `${whole.slice(0, MAX_MANAGER_LENGTH - hash.length - 1)}-${hash}`
}

/** Returns the suffix for the fields of a datacenter's routes in shared objects. Namespace names have no dots. */
export function routesManagerSuffix(datacenter: { namespace: string; name: string }): string {
  return `routes.${datacenter.namespace}.${datacenter.name}`
}

/** Returns the datacenters whose routes hold fields of a shared object. A shortened field manager names none. */
export function routesHolders({ metadata }: KubeObject): { namespace: string; name: string }[] {
  return (metadata.managedFields ?? []).flatMap(({ manager = '' }) => {
    const found = ROUTES_MANAGER.exec(manager)?.groups
    if (found === undefined || manager.length === MAX_MANAGER_LENGTH) return []
    return [{ namespace: found['namespace'] ?? '', name: found['name'] ?? '' }]
  })
}

/** Returns whether the field manager is one of this program's. */
export function isOwnManager(manager: string | undefined): boolean {
  return manager === FIELD_MANAGER || manager?.startsWith(`${FIELD_MANAGER}/`) === true
}

/** Returns the labels of a managed object that belongs to a datacenter (metadata.name of the CassandraDatacenter). */
export function ownedLabels(datacenterName: string): Record<string, string> {
  return { [MANAGED_BY_LABEL]: FIELD_MANAGER, [OWNER_LABEL]: datacenterName }
}

/** Returns the label selector for objects with `ownedLabels`. */
export function ownedSelector(datacenterName: string): string {
  return `${MANAGED_BY_LABEL}=${FIELD_MANAGER},${OWNER_LABEL}=${datacenterName}`
}

/** Returns whether the object has this program's managed-by label. */
export function isManaged(object: KubeObject): boolean {
  return object.metadata.labels?.[MANAGED_BY_LABEL] === FIELD_MANAGER
}

/** Returns the owner of an object by its label or field managers, e.g. "Helm", "kubectl-edit, argocd-controller". */
export function ownerOf(object: KubeObject): string {
  const label = object.metadata.labels?.[MANAGED_BY_LABEL]
  if (label !== undefined) return label
  const managers = new Set(
    (object.metadata.managedFields ?? [])
      .filter((entry) => entry.subresource === undefined && !isOwnManager(entry.manager))
      .map((entry) => entry.manager ?? ''),
  )
  managers.delete('')
  return managers.size > 0 ? [...managers].join(', ') : 'another client'
}
