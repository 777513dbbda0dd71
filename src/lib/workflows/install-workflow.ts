/**
 * Installs what is missing of Istio, cass-operator and a Cassandra datacenter. Every step observes first and changes
 * only what differs, so an interrupted install resumes where it stopped and a second one writes nothing.
 */
import { asClusterAdmin } from '../cluster/grant-hint.ts'
import { applyChanges, conflictError } from '../changes/apply.ts'
import { changesIn } from '../changes/change-plan.ts'
import type { Change } from '../changes/changeset.ts'
import { record } from '../changes/record.ts'
import { again, CassSniError, command, throwIfAborted } from '../errors.ts'
import type { WorkflowContext } from './context.ts'
import { resumable } from './resumable.ts'
import { rememberAnswers } from './install/answers.ts'
import { type DatacenterRequest, requestDatacenter } from './install/datacenter-request.ts'
import { authorityStep } from './install/authority-step.ts'
import { datacenterStep } from './install/datacenter-step.ts'
import { checkOptions, namespaceSyntax } from './install/field-syntax.ts'
import { istioStep } from './install/istio-step.ts'
import { mtlsStep } from './install/mtls-step.ts'
import { chooseInjection, type InjectionChoice } from './install/namespace-injection.ts'
import { namespaceStep } from './install/namespace-step.ts'
import { nodesStep } from './install/nodes-step.ts'
import { chooseOperatorSource, type OperatorSource } from './install/operator-source.ts'
import { operatorStep } from './install/operator-step.ts'
import { planLines } from './install/plan-lines.ts'
import {
  type InstallOptions,
  type InstallResult,
  type InstallStep,
  type Missing,
  nodeResult,
  type Setup,
  type StepPlan,
} from './install/step.ts'
import { refuseSystemNamespace } from './install/system-namespaces.ts'
import { chooseStorage, type StorageChoice } from './install/storage-choice.ts'
import { storageStep } from './install/storage-step.ts'
import { confirmChanges } from './confirm-changes.ts'

export type { InstallOptions, InstallResult } from './install/step.ts'

/** Choices made before anything is written, from flags, the cluster, or answers at a prompt. */
interface Decisions {
  operator: OperatorSource
  injection: InjectionChoice
  request: DatacenterRequest
  storage: StorageChoice
}

/**
 * Returns the steps in the order in which they run. Storage precedes the datacenter, because cass-operator's webhook
 * refuses a datacenter without a StorageClass; so do the certificates, which it would otherwise create.
 */
function stepsOf(setup: Setup, { operator, injection, request, storage }: Decisions): InstallStep[] {
  const operatorObjects = operator.kind === 'manifest' ? operator.objects : []
  const needs = { request, storageClass: storage.name, operatorObjects }
  return [
    istioStep(setup),
    namespaceStep(setup, injection),
    mtlsStep(setup, request.name),
    operatorStep(setup, operator),
    storageStep(setup, storage, request.name),
    authorityStep(setup, needs),
    datacenterStep(setup, needs),
    nodesStep(setup, request.name),
  ]
}

const DEFAULT_NAMESPACE = 'cass-operator'

/**
 * Installs whatever a running Cassandra datacenter behind Istio lacks.
 * Errors: CSNI101 for malformed values, CSNI102 for required input that is missing without a terminal to prompt on,
 * CSNI307/308 for refused changes, CSNI901/902 when timed out or interrupted, and those of the steps.
 */
export async function install(caller: WorkflowContext, options: InstallOptions): Promise<InstallResult> {
  return asClusterAdmin('install', installAll(caller, options))
}

async function installAll(caller: WorkflowContext, options: InstallOptions): Promise<InstallResult> {
  checkOptions(options)
  const answers = rememberAnswers(caller.ask)
  const context: WorkflowContext = { ...caller, ask: answers.ask }
  const setup: Setup = {
    context,
    options,
    namespace: await chooseNamespace(context),
  }
  await refuseSystemNamespace(setup)
  const operator = await chooseOperatorSource(setup)
  const injection = await chooseInjection(setup)
  const request = await requestDatacenter(setup)
  const storage = await chooseStorage(setup, request)
  const steps = stepsOf(setup, { operator, injection, request, storage })

  const plans = await planAll(setup, steps)
  if (context.dryRun) return planOnly(setup, request, steps, plans)
  refuseMissing(plans.flatMap(({ missing }) => missing ?? []))
  await refuseConflicts(context, plans)
  if (context.ask !== undefined) await confirm(setup, steps, plans, answers.flags())
  return applyAll(setup, request, steps, plans, answers.flags())
}

async function chooseNamespace(context: WorkflowContext): Promise<string> {
  const { target } = context.kube
  if (target.namespaceGiven) return target.namespace
  if (context.ask === undefined) return DEFAULT_NAMESPACE
  return context.ask({
    kind: 'text',
    name: 'namespace',
    flag: '--namespace',
    message: 'Namespace for Cassandra and cass-operator',
    initial: DEFAULT_NAMESPACE,
    validate: namespaceSyntax,
  })
}

/** Plans every step. Changes are refused here, before the first write. */
async function planAll({ context }: Setup, steps: InstallStep[]): Promise<StepPlan[]> {
  const plans: StepPlan[] = []
  for (const step of steps) {
    throwIfAborted(context.signal)
    const earlier = plans.some((plan) => plan.state === 'change')
    plans.push(
      await step.plan().catch((error: unknown): StepPlan => {
        // the kinds that an earlier step installs are not served yet
        if (earlier && error instanceof CassSniError && (error.code === 'CSNI205' || error.code === 'CSNI305'))
          return { state: 'change', note: 'pending: depends on earlier steps' }
        throw error
      }),
    )
  }
  return plans
}

function refuseMissing(missing: Missing[]): void {
  if (missing.length === 0) return
  throw new CassSniError('CSNI102', missing.map(({ reason }) => reason).join('; '), {
    next: missing.flatMap(({ next }) => next),
  })
}

/** Throws the conflicts that applying would run into, before anything is written. */
async function refuseConflicts(context: WorkflowContext, plans: StepPlan[]): Promise<void> {
  const conflicts = conflictsOf(plans)
  if (conflicts.length > 0) await applyChanges(context, { stages: [conflicts] })
}

function changesOf({ changes }: StepPlan): Change[] {
  return changes === undefined ? [] : changesIn(changes)
}

function conflictsOf(plans: StepPlan[]): Change[] {
  return plans.flatMap(changesOf).filter(({ action }) => action === 'conflict')
}

/** Reports the whole plan. Throws the error that applying it would throw for a conflict. */
function planOnly(setup: Setup, request: DatacenterRequest, steps: InstallStep[], plans: StepPlan[]): InstallResult {
  const { emit } = setup.context
  const planned = steps.map(({ id, title }, index): InstallResult['steps'][number] => {
    const plan = plans[index] as StepPlan
    const { state, note, command, warnings, missing } = plan
    const changes = changesOf(plan)
    emit({ type: 'step', id, title, state: 'started' })
    for (const warning of warnings ?? []) emit({ type: 'warning', ...warning })
    for (const change of changes) emit({ type: 'change', change: record(change, true) })
    const conflict = changes.find((change) => change.action === 'conflict')
    if (conflict !== undefined) emit({ type: 'step', id, title, state: 'failed' })
    else
      emit({ type: 'step', id, title, state: 'skipped', note: state === 'present' ? note : plannedNote(note, missing) })
    return { id, title, state: state === 'present' ? state : 'planned', note, command, missing: missing?.next }
  })
  const conflicts = conflictsOf(plans)
  if (conflicts.length > 0) throw conflictError(conflicts)
  return result(setup, request, { steps: planned, plans, last: plans.at(-1) })
}

function plannedNote(note: string, missing: Missing | undefined): string {
  return missing === undefined ? `${note} (planned)` : `${note}, input required`
}

/** Shows the plan and asks for confirmation, unless nothing would change. */
async function confirm({ context }: Setup, steps: InstallStep[], plans: StepPlan[], answered: string[]): Promise<void> {
  if (plans.every((plan) => plan.state === 'present')) return
  const lines = steps.flatMap((step, index) => planLines(step.title, plans[index] as StepPlan))
  const details = [`Planned changes in context ${context.kube.target.context}:`, ...lines]
  await confirmChanges(context.ask, details, again`${answered} --dry-run`)
}

async function applyAll(
  setup: Setup,
  request: DatacenterRequest,
  steps: InstallStep[],
  plans: StepPlan[],
  answered: string[],
): Promise<InstallResult> {
  const done: InstallResult['steps'] = []
  let last: Pick<StepPlan, 'datacenter'> | undefined
  for (const [index, step] of steps.entries()) {
    const changed = done.some(({ state }) => state === 'changed')
    const { emit } = setup.context
    const { id, title } = step
    throwIfAborted(setup.context.signal)
    emit({ type: 'step', id, title, state: 'started' })
    try {
      const plan = changed ? await step.plan() : (plans[index] as StepPlan)
      for (const warning of plan.warnings ?? []) emit({ type: 'warning', ...warning })
      if (plan.state === 'present') {
        for (const change of changesOf(plan)) emit({ type: 'change', change: record(change, false) })
        emit({ type: 'step', id, title, state: 'skipped', note: plan.note })
        done.push({ id, title, state: 'present', note: plan.note })
        last = plan
      } else {
        const outcome = await step.apply(plan)
        emit({ type: 'step', id, title, state: 'done', note: outcome.note })
        done.push({ id, title, state: 'changed', note: outcome.note })
        last = outcome
      }
    } catch (error) {
      emit({ type: 'step', id, title, state: 'failed' })
      throw interrupted(setup, error, answered)
    }
  }
  return result(setup, request, { steps: done, plans, last })
}

function interrupted({ context }: Setup, error: unknown, answered: string[]): unknown {
  if (error instanceof CassSniError && error.code === 'CSNI901') return withAnswers(error, answered)
  return resumable(context.signal, error, 'completed steps are kept', answered)
}

function withAnswers(error: CassSniError, answered: string[]): CassSniError {
  const next = error.next.map((step) => ('again' in step ? { ...step, again: [...answered, ...step.again] } : step))
  return new CassSniError(error.code, error.message, { object: error.object, next, cause: error.cause })
}

interface Run {
  steps: InstallResult['steps']
  plans: StepPlan[]
  last: Pick<StepPlan, 'datacenter'> | undefined
}

function result(
  { context, namespace }: Setup,
  { name }: DatacenterRequest,
  { steps, plans, last }: Run,
): InstallResult {
  // a namespace from a prompt, or the default one, is not a flag on this command line
  const flags = context.kube.target.namespace === namespace ? [] : ['-n', namespace]
  return {
    ok: true,
    namespace,
    datacenter: name,
    login: plans.find((plan) => plan.login !== undefined)?.login,
    steps,
    nodes: (last?.datacenter?.nodes ?? []).map(nodeResult),
    next: [
      command`kubectl cass-sni certs ${flags}`,
      command`kubectl cass-sni routes sync ${flags}`,
      command`kubectl cass-sni verify ${flags}`,
    ],
  }
}
