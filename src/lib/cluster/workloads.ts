/**
 * The typed Kubernetes kinds that several layers read, as far as this program reads them. Whatever they hold is
 * untrusted text.
 */
import type { KubeObject, ObjectMeta } from './kube.ts'

export interface Container {
  name: string
  image?: string
  args?: string[]
  /** An empty `value` is left out by the API server; `valueFrom` tells it from one that comes from elsewhere. */
  env?: { name: string; value?: string; valueFrom?: unknown }[]
  ports?: { name?: string; containerPort: number }[]
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: { exitCode: number; reason?: string; message?: string }
}

export interface ContainerStatus {
  name: string
  ready: boolean
  restartCount: number
  started?: boolean
  state?: ContainerState
  lastState?: ContainerState
}

export interface PodCondition {
  type: string
  status: string
  reason?: string
  message?: string
}

export interface Pod extends KubeObject {
  spec?: {
    containers: Container[]
    initContainers?: (Container & { restartPolicy?: string })[]
    nodeName?: string
    subdomain?: string
  }
  status?: {
    phase?: string
    podIP?: string
    hostIP?: string
    conditions?: PodCondition[]
    containerStatuses?: ContainerStatus[]
    initContainerStatuses?: ContainerStatus[]
  }
}

export interface PodTemplate {
  metadata?: Partial<ObjectMeta>
  spec?: {
    containers: Container[]
    volumes?: { name: string; secret?: { secretName?: string } }[]
  }
}

export interface StatefulSet extends KubeObject {
  spec?: { replicas?: number; serviceName?: string; template?: PodTemplate }
}

export interface Deployment extends KubeObject {
  spec?: { replicas?: number; template?: PodTemplate }
  status?: {
    readyReplicas?: number
    availableReplicas?: number
    updatedReplicas?: number
    observedGeneration?: number
  }
}

export interface Service extends KubeObject {
  spec?: {
    type?: string
    clusterIP?: string
    selector?: Record<string, string>
    externalIPs?: string[]
    ports?: {
      name?: string
      port: number
      targetPort?: number | string
      protocol?: string
      nodePort?: number
    }[]
  }
  status?: {
    loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] }
  }
}

export interface Secret extends KubeObject {
  /** Values in base64. Never printed. */
  data?: Record<string, string>
}

/** The condition Ready: every container is, and the readiness gates hold. */
export function isReady(pod: Pick<Pod, 'status'>): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
}
