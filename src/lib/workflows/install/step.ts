/** What a step of `install` is, and what holds for all of them. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import type { ChangeSet } from '../../changes/changeset.ts'
import type { KubeOptions } from '../../cluster/kube.ts'
import type { NextStep } from '../../errors.ts'
import type { WorkflowContext } from '../context.ts'
import type { DatacenterOptions } from './datacenter-spec.ts'
import type { AllowedChanges } from './datacenter-guards.ts'

/** How Istio's mutual TLS is treated; `keep` changes nothing. */
export type MtlsMode = 'keep' | 'port' | 'namespace' | 'mesh'

/**
 * Sidecar injection in the namespace. keep: its labels stay as they are; enable: it is labeled unless it injects
 * already; none: the label that this program set is removed.
 */
export type InjectionMode = 'keep' | 'enable' | 'none'

export type ReclaimPolicy = 'Delete' | 'Retain'

/** What the command line says. Whatever is undefined is taken from the cluster, asked for, or given its default. */
export interface InstallOptions extends DatacenterOptions {
  setContext: boolean
  istioctl: string
  istioProfile?: string | undefined
  istioValues?: string | undefined
  /** Revision or tag whose injection label the namespace gets; undefined: the one there is. */
  istioRevision?: string | undefined
  /** Undefined: see `chooseInjection`. */
  injection?: InjectionMode | undefined
  mtls: MtlsMode
  operatorManifest?: string | undefined
  operatorChart?: string | undefined
  helm: string
  kubectl: string
  storageProvisioner?: string | undefined
  storageParameters: Record<string, string>
  storageReclaimPolicy?: ReclaimPolicy | undefined
  allowVolumeExpansion?: boolean | undefined
  datacenterFile?: string | undefined
  datacenterName?: string | undefined
  /** Destructive changes of a live datacenter that are accepted. */
  allow: AllowedChanges
  clusterDomain?: string | undefined
  /** How to reach the cluster, for istioctl, helm and kubectl. */
  kubeOptions: KubeOptions
}

/** What holds for the whole run. */
export interface Setup {
  readonly context: WorkflowContext
  readonly options: Readonly<InstallOptions>
  readonly namespace: string
}

/** Something that only the user can decide, and nobody can be asked: CSNI102, or a line of the plan in a dry run. */
export interface Missing {
  why: string
  next: NextStep[]
}

/** What a step found: nothing to do, objects to change, or a command of another program to run. */
export interface StepPlan {
  state: 'present' | 'change'
  note: string
  changes?: ChangeSet | undefined
  /** The command that would be run, as the user could type it. */
  command?: string[] | undefined
  /** What the user should know of what was found. */
  warnings?: string[] | undefined
  missing?: Missing | undefined
  /** Of the datacenter's configuration: clients need a password; undefined when that is not known. */
  login?: boolean | undefined
  /** The datacenter as it is, from the step that waits for its nodes. */
  datacenter?: Datacenter | undefined
}

/** What a step did. */
export interface StepOutcome {
  note: string
  datacenter?: Datacenter | undefined
}

export interface InstallStep {
  id: string
  title: string
  /**
   * Reads, and has the server validate what it would write. Called before anything is written, and again when a step
   * before it changed something.
   */
  look(): Promise<StepPlan>
  /** Brings the step's part of the cluster to the desired state. */
  change(plan: StepPlan): Promise<StepOutcome>
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
    /** In a dry run: one of these command lines says what is missing. */
    missing?: NextStep[] | undefined
  }[]
  /** Clients need a password; undefined when the configuration cannot be read or nothing is installed yet. */
  login?: boolean | undefined
  nodes: {
    pod: string
    rack: string
    state: string
    ready: boolean
    hostId?: string | undefined
  }[]
  /** The commands that come next. */
  next: NextStep[]
}

/** The part of a node that the result shows. */
export function nodeResult({ pod, rack, state, ready, hostId }: CassandraNode): InstallResult['nodes'][number] {
  return { pod, rack, state, ready, hostId }
}

/** True when every object is as desired already. */
export function isSettled(set: ChangeSet): boolean {
  return set.changes.every((change) => change.action === 'unchanged')
}
