/** An operator's manifest as it is applied: in order, into its namespaces, its pods without a sidecar. */
import type { V1Deployment } from '@kubernetes/client-node'
import { type Operator, operatorFrom } from '../../cassandra/operator.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { NAMESPACE } from '../../cluster/resources.ts'
import type { Deployment } from '../../cluster/workloads.ts'
import { again, CassSniError, command, hint, type NextStep } from '../../errors.ts'
import type { Setup } from './step.ts'

/** Deployments come last: an operator whose Deployment is there is complete, also after an interruption. */
const ORDER = [
  'Namespace',
  'CustomResourceDefinition',
  'ServiceAccount',
  'ClusterRole',
  'Role',
  'ClusterRoleBinding',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
]

/**
 * Istio's webhook looks at the label since 1.10 and at the annotation before; both belong on the pod template
 * (istio/istio pkg/kube/inject/webhook.go, injectRequired).
 */
export const NOT_INJECTED = {
  labels: { 'sidecar.istio.io/inject': 'false' },
  annotations: { 'sidecar.istio.io/inject': 'false' },
}

/**
 * The objects of an operator's manifest as they are applied: in order, and the operator's pods without a sidecar. Pure.
 */
export function operatorDesired(objects: KubeObject[], namespace: string): Omit<Desired, 'type'>[] {
  const rank = ({ kind }: KubeObject): number => {
    if (kind === 'Deployment') return ORDER.length + 1
    const index = ORDER.indexOf(kind)
    return index === -1 ? ORDER.length : index
  }
  return [...objects]
    .sort((a, b) => rank(a) - rank(b))
    .map((object) => ({
      ownership: 'share',
      object: object.kind === 'Deployment' ? uninjected(object, namespace) : object,
    }))
}

function uninjected(object: KubeObject, namespace: string): KubeObject {
  const { spec } = object as unknown as Partial<V1Deployment>
  const { template } = spec ?? {}
  const metadata = {
    ...template?.metadata,
    labels: { ...template?.metadata?.labels, ...NOT_INJECTED.labels },
    annotations: { ...template?.metadata?.annotations, ...NOT_INJECTED.annotations },
  }
  return {
    ...object,
    metadata: { namespace, ...object.metadata },
    spec: { ...spec, template: { ...template, metadata } },
  }
}

/** Does the operator look after the datacenters of this namespace? */
export function watches(operator: Operator, namespace: string): boolean {
  return operator.watches === 'all' || operator.watches.includes(namespace)
}

/** The manifest's objects with their kinds, and the namespaces that it takes for granted. */
export async function manifestDesired({ context, namespace }: Setup, objects: KubeObject[]): Promise<Desired[]> {
  const desired = await Promise.all(
    operatorDesired(objects, namespace).map(async (item): Promise<Desired> => {
      const type = await context.kube.resourceType(item.object.apiVersion, item.object.kind, objects)
      const metadata = type.namespaced ? { namespace, ...item.object.metadata } : item.object.metadata
      return { ...item, type, object: { ...item.object, metadata } }
    }),
  )
  return [...missingNamespaces(desired, namespace), ...desired]
}

/**
 * The namespaces that a manifest puts objects into and does not bring itself, as those rendered from a kustomization.
 */
function missingNamespaces(desired: Desired[], installed: string): Desired[] {
  const brought = new Set([
    installed,
    ...desired.filter(({ type }) => type.kind === NAMESPACE.kind).map(({ object }) => object.metadata.name),
  ])
  const used = new Set(desired.flatMap(({ object }) => object.metadata.namespace ?? []))
  return [...used]
    .filter((name) => !brought.has(name))
    .map((name) => ({
      type: NAMESPACE,
      ownership: 'share',
      taker: 'operator',
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    }))
}

/** Refuses a manifest whose operator watches other namespaces only: the datacenter would wait for ever. CSNI107. */
export function refuseElsewhere(objects: KubeObject[], source: string, namespace: string): void {
  const operators = objects
    .filter((object) => object.kind === 'Deployment')
    .map((object) => operatorFrom({ ...object, metadata: { namespace, ...object.metadata } } as Deployment, false))
  const [first] = operators
  if (first === undefined) {
    throw new CassSniError('CSNI107', `${source} has no Deployment: it is not an operator's manifest`, {
      next: [hint(`See ${OPERATOR_REPOSITORY}`), again`--operator-manifest ${operatorKustomization(namespace)}`],
    })
  }
  if (operators.some((operator) => watches(operator, namespace))) return
  const watched = first.watches === 'all' ? [] : first.watches
  throw new CassSniError(
    'CSNI107',
    `the operator of ${source} watches namespace ${watched.join(', ')} only, not ${namespace}`,
    {
      object: `deployment/${first.deployment}`,
      next: [
        ...watched.slice(0, 1).map((name) => again`-n ${name}`),
        hint('or use a manifest with a cluster-wide operator:'),
        again`--operator-manifest ${CLUSTER_WIDE}`,
      ],
    },
  )
}

/** Where cass-operator is to be had (k8ssandra/cass-operator README.md). */
export const OPERATOR_REPOSITORY = 'https://github.com/k8ssandra/cass-operator'
export const OPERATOR_CHART = 'k8ssandra/cass-operator'
const DEPLOYMENTS = 'github.com/k8ssandra/cass-operator/config/deployments'
const VERSION = 'v1.30.0'
const CLUSTER_WIDE = `${DEPLOYMENTS}/cluster?ref=${VERSION}`

/**
 * cass-operator's own kustomization: the plain one watches its namespace cass-operator, the other one all namespaces.
 */
export function operatorKustomization(namespace: string): string {
  return namespace === 'cass-operator' ? `${DEPLOYMENTS}/default?ref=${VERSION}` : CLUSTER_WIDE
}

/** How to get cass-operator, for whoever has neither manifest nor chart. */
export function operatorSources(namespace: string): NextStep[] {
  return [
    again`--operator-manifest ${operatorKustomization(namespace)}`,
    hint(`or its Helm chart (both need cert-manager, see ${OPERATOR_REPOSITORY}):`),
    command`helm repo add k8ssandra https://helm.k8ssandra.io/stable`,
    again`--operator-chart ${OPERATOR_CHART}`,
  ]
}
