/** What a step of `install` is, and what all steps share. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import type { ChangeSet } from '../../changes/changeset.ts'
import type { KubeOptions } from '../../cluster/client.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import type { NextStep } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'

/** How Istio's mutual TLS is treated; `keep` changes nothing. */
export type MtlsMode = 'keep' | 'port' | 'namespace' | 'mesh'

/** What the user asked for. Whatever is undefined is taken from the cluster, asked for, or given its default. */
export interface InstallOptions {
  setContext: boolean
  istioctl: string
  istioProfile?: string | undefined
  istioValues?: string | undefined
  /** Revision whose injection label the namespace gets; undefined: the one there is. */
  istioRevision?: string | undefined
  mtls: MtlsMode
  operatorManifest?: string | undefined
  operatorChart?: string | undefined
  helm: string
  kubectl: string
  storageClass?: string | undefined
  storageProvisioner?: string | undefined
  storageParameters: Record<string, string>
  storageSize?: string | undefined
  datacenterFile?: string | undefined
  datacenterName?: string | undefined
  clusterName?: string | undefined
  size?: number | undefined
  serverType?: string | undefined
  serverVersion?: string | undefined
  serverImage?: string | undefined
  serviceAccount?: string | undefined
  cpu?: string | undefined
  memory?: string | undefined
  heap?: string | undefined
  allowMultipleNodesPerWorker?: boolean | undefined
  allowPlaintext: boolean
  clusterDomain: string
  /** How to reach the cluster, for istioctl, helm and kubectl. */
  kubeOptions: KubeOptions
}

/** What the steps pass on to each other: the options, and what the steps before have found or decided. */
export interface Install {
  context: WorkflowContext
  options: InstallOptions
  /** Decided by the namespace question. */
  namespace: string
  /** Decided by the datacenter step. */
  datacenterName: string
  /** Documents of --operator-manifest, read once. */
  operatorObjects?: KubeObject[]
  /** Documents of --datacenter-file, read once. */
  datacenterObjects?: KubeObject[]
  /** Live CassandraDatacenter before this run, if any. */
  liveDatacenter?: KubeObject
  /** Decided by the storage step. */
  storageClass?: string
  /** Filled by the last step. */
  datacenter?: Datacenter
}

/** What a step found: nothing to do, objects to change, or a command of another program to run. */
export interface StepPlan {
  state: 'present' | 'change'
  note: string
  changes?: ChangeSet
  /** The command that would be run, as the user could type it. */
  command?: string[]
  /** What the user should know of what was found, told when the step is carried out or planned. */
  warning?: string
}

export interface InstallStep {
  id: string
  title: string
  /** Finds out what is missing and asks for it; throws CSNI102 when nobody can be asked. Before anything is written. */
  prepare?(install: Install): Promise<void>
  /** Reads only. Called for the plan, and again right before `change`. */
  look(install: Install): Promise<StepPlan>
  /** Brings the step's part of the cluster to the desired state. */
  change(install: Install, plan: StepPlan): Promise<string>
}

export interface InstallResult {
  ok: boolean
  namespace: string
  datacenter: string
  steps: {
    id: string
    title: string
    state: 'present' | 'changed' | 'planned'
    note: string
    command?: string[] | undefined
  }[]
  nodes: {
    pod: string
    rack: string
    state: string
    ready: boolean
    hostId?: string
  }[]
  /** The commands that come next. */
  next: NextStep[]
}

/** The part of a node that the result shows. */
export function nodeResult(node: CassandraNode): InstallResult['nodes'][number] {
  return {
    pod: node.pod,
    rack: node.rack,
    state: node.state,
    ready: node.ready,
    ...(node.hostId === undefined ? {} : { hostId: node.hostId }),
  }
}
