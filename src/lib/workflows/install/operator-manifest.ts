/** Prepares an operator's manifest for applying: order, namespaces, no sidecar in its pods. */
import type { V1Deployment } from '@kubernetes/client-node'
import { type Operator, operatorFrom } from '../../cassandra/operator.ts'
import type { Desired } from '../../changes/changeset.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { NAMESPACE } from '../../cluster/resources.ts'
import type { Deployment } from '../../cluster/workloads.ts'
import { again, CassSniError, command, hint, type NextStep } from '../../errors.ts'
import type { Setup } from './step.ts'

/** Deployments come last, so an operator with a Deployment is complete even after an interruption. */
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
 * Istio's webhook reads the label since 1.10 and the annotation before that; both belong on the pod template
 * (istio/istio pkg/kube/inject/webhook.go, injectRequired).
 */
export const NOT_INJECTED = {
  labels: { 'sidecar.istio.io/inject': 'false' },
  annotations: { 'sidecar.istio.io/inject': 'false' },
}

/** Returns the objects of an operator's manifest in the order to apply them, with sidecars disabled. Pure. */
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

/** Returns whether the operator watches this namespace. */
export function watches(operator: Operator, namespace: string): boolean {
  return operator.watches === 'all' || operator.watches.includes(namespace)
}

/** Returns the manifest's objects with their resource types, preceded by namespaces that it requires but lacks. */
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

/** Returns the namespaces that objects of the manifest use but that it lacks, common in rendered kustomizations. */
function missingNamespaces(desired: Desired[], installed: string): Desired[] {
  const included = new Set([
    installed,
    ...desired.filter(({ type }) => type.kind === NAMESPACE.kind).map(({ object }) => object.metadata.name),
  ])
  const used = new Set(desired.flatMap(({ object }) => object.metadata.namespace ?? []))
  return [...used]
    .filter((name) => !included.has(name))
    .map((name) => ({
      type: NAMESPACE,
      ownership: 'share',
      managerSuffix: 'operator',
      object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    }))
}

/** Throws CSNI107 for a manifest whose operator does not watch the namespace: the datacenter would wait forever. */
export function refuseElsewhere(objects: KubeObject[], source: string, namespace: string): void {
  const operators = objects
    .filter((object) => object.kind === 'Deployment')
    .map((object) => operatorFrom({ ...object, metadata: { namespace, ...object.metadata } } as Deployment, false))
  const [first] = operators
  if (first === undefined) {
    throw new CassSniError('CSNI107', `${source}: not an operator manifest: no Deployment found`, {
      next: [hint(`see ${OPERATOR_REPOSITORY}`), again`--operator-manifest ${operatorKustomization(namespace)}`],
    })
  }
  if (operators.some((operator) => watches(operator, namespace))) return
  const watched = first.watches === 'all' ? [] : first.watches
  throw new CassSniError(
    'CSNI107',
    `${source}: this operator watches namespace ${watched.join(', ')} only, not ${namespace}`,
    {
      object: `deployment/${first.deployment}`,
      next: [
        ...watched.slice(0, 1).map((name) => again`-n ${name}`),
        hint('alternatively, use a manifest with a cluster-wide operator'),
        again`--operator-manifest ${CLUSTER_WIDE}`,
      ],
    },
  )
}

/** Sources of cass-operator (k8ssandra/cass-operator README.md). */
export const OPERATOR_REPOSITORY = 'https://github.com/k8ssandra/cass-operator'
export const OPERATOR_CHART = 'k8ssandra/cass-operator'
const DEPLOYMENTS = 'github.com/k8ssandra/cass-operator/config/deployments'
const VERSION = 'v1.30.0'
const CLUSTER_WIDE = `${DEPLOYMENTS}/cluster?ref=${VERSION}`

/** Returns cass-operator's kustomization: the default one watches namespace cass-operator, the other all namespaces. */
export function operatorKustomization(namespace: string): string {
  return namespace === 'cass-operator' ? `${DEPLOYMENTS}/default?ref=${VERSION}` : CLUSTER_WIDE
}

/** Returns the steps that install cass-operator, for users without a manifest or chart. */
export function operatorSources(namespace: string): NextStep[] {
  return [
    again`--operator-manifest ${operatorKustomization(namespace)}`,
    hint(`alternatively, use its Helm chart (both require cert-manager, see ${OPERATOR_REPOSITORY})`),
    command`helm repo add k8ssandra https://helm.k8ssandra.io/stable`,
    again`--operator-chart ${OPERATOR_CHART}`,
  ]
}
