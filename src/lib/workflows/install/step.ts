/** Steps of `install`, and their shared types. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { changesIn } from '../../changes/change-plan.ts'
import type { ChangeSet } from '../../changes/changeset.ts'
import type { KubeOptions } from '../../cluster/kube.ts'
import type { NextStep } from '../../errors.ts'
import type { Warning } from '../../events.ts'
import type { NewAuthorityOptions } from '../certs/new-authority.ts'
import type { WorkflowContext } from '../context.ts'
import type { DatacenterOptions } from './datacenter-spec.ts'
import type { AllowedChanges } from './datacenter-guards.ts'

/** How Istio's mutual TLS is treated; `keep` changes nothing. */
export type MtlsMode = 'keep' | 'port' | 'namespace' | 'mesh'

/**
 * Sidecar injection in the namespace. keep: leave its labels alone; enable: label it unless already injected; none:
 * remove the label that this program set.
 */
export type InjectionMode = 'keep' | 'enable' | 'none'

export type ReclaimPolicy = 'Delete' | 'Retain'

/** Options from the command line. Undefined values come from the cluster, a prompt, or the defaults. */
export interface InstallOptions extends DatacenterOptions {
  setContext: boolean
  istioctl: string
  istioProfile?: string | undefined
  istioValues?: string | undefined
  /** Revision or tag to label the namespace with; undefined: the installed one. */
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
  /** Destructive changes of a live datacenter that the user has accepted. */
  allow: AllowedChanges
  clusterDomain?: string | undefined
  /** The CA of a new datacenter. */
  authority: NewAuthorityOptions
  /** Connection options to pass on to istioctl, helm and kubectl. */
  kubeOptions: KubeOptions
}

/** Input shared by all steps of a run. */
export interface Setup {
  readonly context: WorkflowContext
  readonly options: Readonly<InstallOptions>
  readonly namespace: string
}

/** Required input that is missing without a terminal to prompt on: CSNI102, or a line of the plan in a dry run. */
export interface Missing {
  reason: string
  next: NextStep[]
}

/** Outcome of planning: nothing to do, objects to change, or a command of another program to run. */
export interface StepPlan {
  state: 'present' | 'change'
  note: string
  changes?: ChangeSet | undefined
  /** The command to run, as the user could type it. */
  command?: string[] | undefined
  /** Warnings about the observed state. */
  warnings?: Warning[] | undefined
  missing?: Missing | undefined
  /** Whether clients must log in, by the datacenter's configuration; undefined if unknown. */
  login?: boolean | undefined
  /** The live datacenter, from the step that waits for its nodes. */
  datacenter?: Datacenter | undefined
}

/** Result of applying a step. */
export interface StepOutcome {
  note: string
  datacenter?: Datacenter | undefined
}

export interface InstallStep {
  id: string
  title: string
  /**
   * Reads the cluster and has the API server validate the changes. Called before anything is written, and again if an
   * earlier step changed something.
   */
  plan(): Promise<StepPlan>
  /** Applies the plan. */
  apply(plan: StepPlan): Promise<StepOutcome>
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
    /** In a dry run: commands that supply the missing input; run one of them. */
    missing?: NextStep[] | undefined
  }[]
  /** Whether clients must log in; undefined if the configuration cannot be read or nothing is installed yet. */
  login?: boolean | undefined
  nodes: {
    pod: string
    rack: string
    state: string
    ready: boolean
    hostId?: string | undefined
  }[]
  /** Commands to run next. */
  next: NextStep[]
}

/** Returns the fields of a node that the result includes. */
export function nodeResult({ pod, rack, state, ready, hostId }: CassandraNode): InstallResult['nodes'][number] {
  return { pod, rack, state, ready, hostId }
}

/** Returns whether every object is already as desired. */
export function isSettled(set: ChangeSet): boolean {
  return changesIn(set).every((change) => change.action === 'unchanged')
}
