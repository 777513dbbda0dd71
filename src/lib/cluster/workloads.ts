/**
 * The typed Kubernetes kinds that several layers read. All text in them is untrusted; what the models declare as Date
 * is text, as in the JSON response.
 */
import type {
  V1ContainerStatus,
  V1DeploymentSpec,
  V1DeploymentStatus,
  V1PodSpec,
  V1PodStatus,
  V1Secret,
  V1ServiceSpec,
  V1ServiceStatus,
  V1StatefulSetSpec,
} from '@kubernetes/client-node'
import type { KubeObject } from './kube.ts'

export type ContainerStatus = V1ContainerStatus

export interface Pod extends KubeObject {
  spec?: V1PodSpec
  status?: V1PodStatus
}

export interface StatefulSet extends KubeObject {
  spec?: Partial<V1StatefulSetSpec>
}

export interface Deployment extends KubeObject {
  spec?: Partial<V1DeploymentSpec>
  status?: V1DeploymentStatus
}

export interface Service extends KubeObject {
  spec?: V1ServiceSpec
  status?: V1ServiceStatus
}

export interface Secret extends KubeObject {
  /** Base64 values. Never printed. */
  data?: NonNullable<V1Secret['data']>
}

/** The Ready condition: all containers are ready and the readiness gates pass. */
export function isReady(pod: Pick<Pod, 'status'>): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
}
