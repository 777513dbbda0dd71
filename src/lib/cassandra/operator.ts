/** Finds installed cass-operators and the namespaces that they watch. */
import type { Kube } from '../cluster/kube.ts'
import { listVisible } from '../cluster/list-visible.ts'
import { DEPLOYMENT, NAMESPACE } from '../cluster/resources.ts'
import type { Deployment } from '../cluster/workloads.ts'
import { CassSniError } from '../errors.ts'

/** One Deployment of cass-operator. */
export interface Operator {
  namespace: string
  deployment: string
  ready: boolean
  /** From the image tag; undefined if that is not a version. */
  version?: string | undefined
  /** The namespaces that it watches. */
  watches: string[] | 'all'
  /**
   * Istio injects a sidecar into its pods, which breaks its webhooks: the namespace is labeled and the pod template
   * does not opt out.
   */
  injected: boolean
}

/**
 * Returns all Deployments of cass-operator. Without permission to list Deployments cluster-wide, reads the current
 * namespace and "cass-operator"; throws CSNI203 if they have none, because an operator that the user cannot see must
 * not be installed a second time.
 */
export async function observeOperator(kube: Kube): Promise<Operator[]> {
  const namespacesToTry = [kube.target.namespace, 'cass-operator']
  const visible = await listVisible<Deployment>(kube, DEPLOYMENT, { namespaces: namespacesToTry })
  const operators = visible.items.filter(isOperator)
  if (operators.length === 0 && visible.refusal !== undefined) throw visible.refusal
  const namespaces = [...new Set(operators.map((deployment) => deployment.metadata.namespace ?? ''))]
  const injecting = new Set(
    (
      await Promise.all(
        namespaces.map(async (namespace) => {
          const labels = (await kube.get(NAMESPACE, namespace).catch(ignoreDenied))?.metadata.labels ?? {}
          return labels['istio-injection'] === 'enabled' ||
            (labels['istio-injection'] === undefined && labels['istio.io/rev'] !== undefined)
            ? namespace
            : undefined
        }),
      )
    ).filter((namespace) => namespace !== undefined),
  )
  return operators.map((deployment) => operatorFrom(deployment, injecting.has(deployment.metadata.namespace ?? '')))
}

/**
 * Returns whether a Deployment is cass-operator: by the label app.kubernetes.io/name of chart and kustomization, by its
 * name, or by its image, because the manifests of 1.7 to 1.9 only have the label control-plane=controller-manager
 * (k8ssandra/cass-operator config/manager/manager.yaml).
 */
function isOperator({ metadata, spec }: Deployment): boolean {
  if (
    metadata.labels?.['app.kubernetes.io/name'] === 'cass-operator' ||
    /(^|-)cass-operator(-|$)/.test(metadata.name)
  ) {
    return !/webhook|cleaner|metrics/.test(metadata.name)
  }
  return (spec?.template?.spec?.containers ?? []).some((container) =>
    /(^|\/)cass-operator(?=[:@]|$)/.test(container.image ?? ''),
  )
}

/**
 * Describes one Deployment of cass-operator. `namespaceInjects`: whether Istio injects sidecars in its namespace. Pure.
 */
export function operatorFrom(deployment: Deployment, namespaceInjects: boolean): Operator {
  const { metadata, spec, status } = deployment
  const template = spec?.template
  const containers = template?.spec?.containers ?? []
  const manager =
    containers.find((container) => /(^|\/)cass-operator(?=[:@]|$)/.test(container.image ?? '')) ??
    containers.find((c) => c.name === 'manager') ??
    containers[0]
  const version = /:v?(\d+\.\d+\.\d+[-+.\w]*)(?:@|$)/.exec(manager?.image ?? '')?.[1]
  // An unset or empty WATCH_NAMESPACE means all (operator-sdk); a namespaced Deployment sets it from its metadata, with
  // valueFrom.
  const variable = manager?.env?.find((each) => each.name === 'WATCH_NAMESPACE')
  const fromField = variable !== undefined && variable.value === undefined && variable.valueFrom !== undefined
  const listed = (variable?.value ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
  const inject =
    template?.metadata?.labels?.['sidecar.istio.io/inject'] ??
    template?.metadata?.annotations?.['sidecar.istio.io/inject']
  return {
    namespace: metadata.namespace ?? '',
    deployment: metadata.name,
    ready: (status?.readyReplicas ?? 0) >= Math.max(1, spec?.replicas ?? 1),
    version,
    watches: fromField ? [metadata.namespace ?? ''] : listed.length === 0 ? 'all' : listed,
    injected: namespaceInjects && inject !== 'false',
  }
}

/** Treats a missing permission as an absent object; rethrows any other error. */
function ignoreDenied(error: unknown): undefined {
  if (error instanceof CassSniError && error.code === 'CSNI203') return undefined
  throw error
}
