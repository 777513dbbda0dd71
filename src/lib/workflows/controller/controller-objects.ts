/** The objects of the routes controller. Pure. */
import type { Desired } from '../../changes/changeset.ts'
import { FIELD_MANAGER, MANAGED_BY_LABEL } from '../../changes/ownership.ts'
import type { KubeObject, ResourceType } from '../../cluster/kube.ts'
import { type PermissionScope, type PermissionUser, rulesOf } from '../../cluster/permissions.ts'
import {
  apiVersionOf,
  CLUSTER_ROLE,
  CLUSTER_ROLE_BINDING,
  DEPLOYMENT,
  NAMESPACE,
  POD_DISRUPTION_BUDGET,
  ROLE,
  ROLE_BINDING,
  SERVICE_ACCOUNT,
} from '../../cluster/resources.ts'
import { metadataLabels } from '../../routes/backends/metadata-service.ts'
import { routeNames } from '../../routes/sni-names.ts'
import { CONTROLLER_NAME, OWNER_LABEL, RENEWAL_NAME } from '../../text/own-keys.ts'
import {
  controllerLabels,
  type ControllerSettings,
  deploymentSpec,
  type MetadataService,
  metadataSpec,
  renewalSpec,
} from './controller-pods.ts'

/** The default namespace of the controller. */
export const CONTROLLER_NAMESPACE = 'cass-sni'

/** The kinds of objects of a metadata service. */
export const METADATA_TYPES: readonly ResourceType[] = [
  SERVICE_ACCOUNT,
  ROLE,
  ROLE_BINDING,
  POD_DISRUPTION_BUDGET,
  DEPLOYMENT,
]

/** All kinds of objects, in the order in which they are deleted. */
export const CONTROLLER_TYPES: readonly ResourceType[] = [
  DEPLOYMENT,
  POD_DISRUPTION_BUDGET,
  ROLE_BINDING,
  CLUSTER_ROLE_BINDING,
  ROLE,
  CLUSTER_ROLE,
  SERVICE_ACCOUNT,
]

/** The label selector for the objects of a controller. */
export function controllerSelector(namespace: string): string {
  const labels = { [MANAGED_BY_LABEL]: FIELD_MANAGER, ...controllerLabels(namespace) }
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}

/**
 * Returns the objects in the order to apply them. The namespace is one of them unless another client has created it.
 */
export function controllerObjects(settings: ControllerSettings, foreignNamespace = false): KubeObject[] {
  const { namespace, namespaces, gatewayNamespaces } = settings
  const { role, bound, binding } = grants(settings, 'controller', CONTROLLER_NAME)
  return [
    ...(foreignNamespace ? [] : [namespaceObject(settings)]),
    objectOf(settings, SERVICE_ACCOUNT, CONTROLLER_NAME, namespace),
    ...bound('mesh', [undefined]),
    ...bound('datacenter', namespaces ?? [undefined]),
    ...bound('gateway', gatewayNamespaces),
    role(ROLE, CONTROLLER_NAME, 'controller', namespace),
    binding(CONTROLLER_NAME, ROLE, namespace),
    ...renewalGrants(settings),
    {
      ...objectOf(settings, POD_DISRUPTION_BUDGET, CONTROLLER_NAME, namespace),
      spec: { maxUnavailable: 1, selector: { matchLabels: controllerLabels(namespace) } },
    },
    { ...objectOf(settings, DEPLOYMENT, CONTROLLER_NAME, namespace), spec: deploymentSpec(settings) },
    ...(settings.renews === undefined
      ? []
      : [{ ...objectOf(settings, DEPLOYMENT, RENEWAL_NAME, namespace), spec: renewalSpec(settings) }]),
    ...(settings.metadata ?? []).flatMap((service) => metadataObjects(settings, service)),
  ]
}

/** With a ServiceAccount that may read the datacenter and its pods only. */
function metadataObjects(settings: ControllerSettings, service: MetadataService): KubeObject[] {
  const { namespace, datacenter } = service
  const { metadata: name } = routeNames(datacenter)
  const of = (type: ResourceType): KubeObject => {
    const object = objectOf(settings, type, name, namespace)
    const { metadata } = object
    return { ...object, metadata: { ...metadata, labels: { ...metadata.labels, [OWNER_LABEL]: datacenter } } }
  }
  return [
    of(SERVICE_ACCOUNT),
    { ...of(ROLE), rules: rulesOf('metadata', 'datacenter') },
    {
      ...of(ROLE_BINDING),
      roleRef: { apiGroup: ROLE.group, kind: ROLE.kind, name },
      subjects: [{ kind: SERVICE_ACCOUNT.kind, name, namespace }],
    },
    {
      ...of(POD_DISRUPTION_BUDGET),
      spec: { maxUnavailable: 1, selector: { matchLabels: metadataLabels(datacenter) } },
    },
    { ...of(DEPLOYMENT), spec: metadataSpec(settings, service) },
  ]
}

/** With a separate ServiceAccount: the routes controller has no access to Secrets. */
function renewalGrants(settings: ControllerSettings): KubeObject[] {
  const { namespace, namespaces, renews } = settings
  if (renews === undefined) return []
  const { role, bound, binding } = grants(settings, 'renewal', RENEWAL_NAME)
  const inside = [...new Set(renews.map((each) => each.namespace))].sort()
  return [
    objectOf(settings, SERVICE_ACCOUNT, RENEWAL_NAME, namespace),
    ...bound('mesh', [undefined]),
    ...bound('datacenter', namespaces ?? [undefined]),
    ...inside.flatMap((each) => {
      const resourceNames = renews.filter((one) => one.namespace === each).flatMap(({ secrets }) => secrets)
      const name = `${RENEWAL_NAME}.${namespace}`
      const granted = role(ROLE, name, 'keystores', each)
      const rules = granted.rules.map((rule) => ({ ...rule, resourceNames: resourceNames.toSorted() }))
      return [{ ...granted, rules }, binding(name, ROLE, each)]
    }),
  ]
}

/** Roles with the permissions of a user, and their bindings to the ServiceAccount of this name. */
function grants(settings: ControllerSettings, user: PermissionUser, account: string) {
  const { namespace } = settings
  const roleName = (scope: PermissionScope) => `${account}-${scope}.${namespace}`
  const role = (type: ResourceType, name: string, scope: PermissionScope, inside?: string) => ({
    ...objectOf(settings, type, name, inside),
    rules: rulesOf(user, scope),
  })
  const binding = (name: string, roleType: ResourceType, inside?: string) => ({
    ...objectOf(settings, inside === undefined ? CLUSTER_ROLE_BINDING : ROLE_BINDING, name, inside),
    roleRef: { apiGroup: roleType.group, kind: roleType.kind, name },
    subjects: [{ kind: SERVICE_ACCOUNT.kind, name: account, namespace }],
  })
  const bound = (scope: PermissionScope, inside: readonly (string | undefined)[]) => [
    role(CLUSTER_ROLE, roleName(scope), scope),
    ...inside.map((each) => binding(roleName(scope), CLUSTER_ROLE, each)),
  ]
  return { role, binding, bound }
}

/** Returns the objects as desired state, with their types. */
export function desiredController(settings: ControllerSettings, foreignNamespace: boolean): Desired[] {
  const types = [...CONTROLLER_TYPES, NAMESPACE]
  return controllerObjects(settings, foreignNamespace).flatMap((object): Desired[] => {
    const type = types.find(({ kind }) => kind === object.kind)
    return type === undefined ? [] : [{ type, ownership: 'own', object }]
  })
}

function objectOf(settings: ControllerSettings, type: ResourceType, name: string, inside?: string): KubeObject {
  const labels = { [MANAGED_BY_LABEL]: FIELD_MANAGER, ...controllerLabels(settings.namespace) }
  const metadata = inside === undefined ? { name, labels } : { name, namespace: inside, labels }
  return { apiVersion: apiVersionOf(type), kind: type.kind, metadata }
}

/** The namespace admits only pods that meet the restricted Pod Security Standard. */
function namespaceObject(settings: ControllerSettings): KubeObject {
  const object = objectOf(settings, NAMESPACE, settings.namespace)
  const labels = { ...object.metadata.labels, 'pod-security.kubernetes.io/enforce': 'restricted' }
  return { ...object, metadata: { ...object.metadata, labels } }
}
