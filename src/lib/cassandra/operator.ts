/** Is cass-operator there, and does it look after a namespace? */
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
  /** From the image's tag; undefined when it is no version. */
  version?: string | undefined
  /** The namespaces whose datacenters it looks after. */
  watches: string[] | 'all'
  /**
   * Istio would put a sidecar into its pods, which breaks its webhooks: the namespace injects and the pod template
   * does not refuse.
   */
  injected: boolean
}

/**
 * All Deployments of cass-operator, wherever they are. When the user may not list Deployments of all namespaces,
 * those of the namespace in force and of "cass-operator" are looked at; when there is none either, the missing right
 * is thrown
 * (CSNI203): an operator out of sight must not be installed a second time.
 */
export async function observeOperator(kube: Kube): Promise<Operator[]> {
  const near = [kube.target.namespace, 'cass-operator']
  const seen = await listVisible<Deployment>(kube, DEPLOYMENT, { namespaces: near })
  const operators = seen.items.filter(isOperator)
  if (operators.length === 0 && seen.refusal !== undefined) throw seen.refusal
  const namespaces = [...new Set(operators.map((deployment) => deployment.metadata.namespace ?? ''))]
  const injecting = new Set(
    (
      await Promise.all(
        namespaces.map(async (namespace) => {
          const labels = (await kube.get(NAMESPACE, namespace).catch(denied))?.metadata.labels ?? {}
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
 * By the label of the Helm chart and kustomize output (app.kubernetes.io/name), by the Deployment's name, or by the
 * image:
 * the manifests of 1.7 to 1.9 label only control-plane=controller-manager (k8ssandra/cass-operator
 * config/manager/manager.yaml).
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
 * Pure: one Deployment of cass-operator as seen by its own pod template. `namespaceInjects`: Istio injects into pods
 * of its namespace.
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
  // An unset or empty WATCH_NAMESPACE means all (operator-sdk); the Deployment of a namespaced install takes it from
  // its own metadata, without a value.
  const variable = manager?.env?.find((each) => each.name === 'WATCH_NAMESPACE')
  const fromField = variable !== undefined && variable.value === undefined && variable.valueFrom !== undefined
  const listed = (variable?.value ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
  const wish =
    template?.metadata?.labels?.['sidecar.istio.io/inject'] ??
    template?.metadata?.annotations?.['sidecar.istio.io/inject']
  return {
    namespace: metadata.namespace ?? '',
    deployment: metadata.name,
    ready: (status?.readyReplicas ?? 0) >= Math.max(1, spec?.replicas ?? 1),
    version,
    watches: fromField ? [metadata.namespace ?? ''] : listed.length === 0 ? 'all' : listed,
    injected: namespaceInjects && wish !== 'false',
  }
}

/** A missing right means that nothing is seen; any other error goes on. */
function denied(error: unknown): undefined {
  if (error instanceof CassSniError && error.code === 'CSNI203') return undefined
  throw error
}
