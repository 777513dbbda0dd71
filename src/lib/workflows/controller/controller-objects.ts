/** The objects of the routes controller. Pure. */
import type { V1Container, V1DeploymentSpec } from '@kubernetes/client-node'
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
import { CONTROLLER_NAME, RENEWAL_NAME } from '../../text/own-keys.ts'

/** The default namespace of the controller. */
export const CONTROLLER_NAMESPACE = 'cass-sni'

export interface ControllerSettings {
  /** The namespace of the controller. */
  namespace: string
  image: string
  /** Undefined: the datacenters of all namespaces. */
  namespaces?: readonly string[] | undefined
  /** Only the datacenter with this metadata.name. */
  datacenter?: string | undefined
  /** Namespaces of the ingress gateways. */
  gatewayNamespaces: readonly string[]
  /** The datacenters whose certificates are renewed; undefined: none are. */
  renews?: readonly RenewedDatacenter[] | undefined
}

/** A datacenter whose certificates are renewed, with the names of the Secrets concerned. */
export interface RenewedDatacenter {
  namespace: string
  secrets: readonly string[]
}

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

export const REPLICAS = 2

const USER = 65_532
const PORT = 8080

/** The labels of all objects of a controller; the selector of its pods as well. */
export function controllerLabels(namespace: string): Record<string, string> {
  return { 'app.kubernetes.io/name': CONTROLLER_NAME, 'app.kubernetes.io/instance': namespace }
}

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

function deploymentSpec(settings: ControllerSettings): V1DeploymentSpec {
  const labels = controllerLabels(settings.namespace)
  const spread = (topologyKey: string) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: labels },
  })
  return {
    replicas: REPLICAS,
    selector: { matchLabels: labels },
    template: {
      metadata: {
        // only the API server is called
        labels: { ...labels, 'sidecar.istio.io/inject': 'false' },
        annotations: { 'prometheus.io/scrape': 'true', 'prometheus.io/port': String(PORT) },
      },
      spec: {
        serviceAccountName: CONTROLLER_NAME,
        terminationGracePeriodSeconds: 30,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: USER,
          runAsGroup: USER,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        topologySpreadConstraints: [spread('kubernetes.io/hostname'), spread('topology.kubernetes.io/zone')],
        containers: [container(settings)],
      },
    },
  }
}

/** One replica, which is replaced before the next one starts: certificates are not urgent. */
function renewalSpec(settings: ControllerSettings): V1DeploymentSpec {
  const spec = deploymentSpec(settings)
  const labels = { 'app.kubernetes.io/name': RENEWAL_NAME, 'app.kubernetes.io/instance': settings.namespace }
  const { metadata, spec: pod } = spec.template
  const { topologySpreadConstraints: _, ...rest } = pod ?? { containers: [] }
  const task = { name: 'CASS_SNI_TASK', value: 'certificates' }
  return {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: labels },
    template: {
      metadata: { ...metadata, labels: { ...metadata?.labels, ...labels } },
      spec: {
        ...rest,
        serviceAccountName: RENEWAL_NAME,
        containers: rest.containers.map((each) => ({ ...each, env: [...(each.env ?? []), task] })),
      },
    },
  }
}

function container({ image, namespaces, datacenter }: ControllerSettings): V1Container {
  const fromPod = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } })
  const probe = (path: string, periodSeconds: number) => ({
    httpGet: { path, port: 'http' },
    periodSeconds,
    timeoutSeconds: 5,
  })
  return {
    name: 'controller',
    image,
    env: [
      fromPod('POD_NAME', 'metadata.name'),
      fromPod('POD_NAMESPACE', 'metadata.namespace'),
      { name: 'CASS_SNI_PORT', value: String(PORT) },
      ...(namespaces === undefined ? [] : [{ name: 'CASS_SNI_NAMESPACES', value: namespaces.join(',') }]),
      ...(datacenter === undefined ? [] : [{ name: 'CASS_SNI_DATACENTER', value: datacenter }]),
    ],
    ports: [{ name: 'http', containerPort: PORT }],
    livenessProbe: probe('/healthz', 20),
    readinessProbe: probe('/readyz', 5),
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  }
}
