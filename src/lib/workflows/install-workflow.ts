/**
 * The blog from `istioctl install` to the running Cassandra nodes. Every step looks first and changes only what
 * differs, so an interrupted install resumes where it was, and a second one writes nothing.
 */
import { applyChanges, conflictError } from '../changes/apply.ts'
import type { Change } from '../changes/changeset.ts'
import { record } from '../changes/record.ts'
import { again, CassSniError, command, throwIfAborted } from '../errors.ts'
import type { WorkflowContext } from './context.ts'
import { rememberAnswers } from './install/answers.ts'
import { type DatacenterRequest, requestDatacenter } from './install/datacenter-request.ts'
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

export type { InstallOptions, InstallResult } from './install/step.ts'

/** What is decided before anything is written: by flags, the cluster, or answers. */
interface Decisions {
  operator: OperatorSource
  injection: InjectionChoice
  request: DatacenterRequest
  storage: StorageChoice
}

/**
 * The steps in their one order, that of the blog; storage before the operator's webhook can refuse a datacenter without
 * one.
 */
function stepsOf(setup: Setup, { operator, injection, request, storage }: Decisions): InstallStep[] {
  const operatorObjects = operator.kind === 'manifest' ? operator.objects : []
  return [
    istioStep(setup),
    namespaceStep(setup, injection),
    mtlsStep(setup, request.name),
    operatorStep(setup, operator),
    storageStep(setup, storage, request.name),
    datacenterStep(setup, { request, storageClass: storage.name, operatorObjects }),
    nodesStep(setup, request.name),
  ]
}

const DEFAULT_NAMESPACE = 'cass-operator'

/**
 * Brings the cluster to a running Cassandra datacenter behind Istio.
 * Errors: CSNI101 for values that are not well-formed, CSNI102 when something must be said and nobody can be asked,
 * CSNI307/308 for changes that are refused, CSNI901/902 when it was cut short, and those of the steps.
 */
export async function install(given: WorkflowContext, options: InstallOptions): Promise<InstallResult> {
  checkOptions(options)
  const answers = rememberAnswers(given.ask)
  const context: WorkflowContext = { ...given, ask: answers.ask }
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
  return carryOutAll(setup, request, steps, plans, answers.flags())
}

async function chooseNamespace(context: WorkflowContext): Promise<string> {
  const { target } = context.kube
  if (target.namespaceGiven) return target.namespace
  if (context.ask === undefined) return DEFAULT_NAMESPACE
  return context.ask({
    kind: 'text',
    name: 'namespace',
    flag: '--namespace',
    message: 'Namespace of Cassandra and its operator',
    initial: DEFAULT_NAMESPACE,
    validate: namespaceSyntax,
  })
}

/** What every step would do; whatever is refused is refused here, before the first write. */
async function planAll({ context }: Setup, steps: InstallStep[]): Promise<StepPlan[]> {
  const plans: StepPlan[] = []
  for (const step of steps) {
    throwIfAborted(context.signal)
    const earlier = plans.some((plan) => plan.state === 'change')
    plans.push(
      await step.look().catch((error: unknown): StepPlan => {
        // what an earlier step brings is not there yet: its kinds are not served
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
  throw new CassSniError('CSNI102', missing.map(({ why }) => why).join('; '), {
    next: missing.flatMap(({ next }) => next),
  })
}

/** Throws what applying would throw, as long as nothing is written. */
async function refuseConflicts(context: WorkflowContext, plans: StepPlan[]): Promise<void> {
  const conflicts = conflictsOf(plans)
  if (conflicts.length > 0) await applyChanges(context, { changes: conflicts })
}

function conflictsOf(plans: StepPlan[]): Change[] {
  return plans.flatMap((plan) => plan.changes?.changes ?? []).filter(({ action }) => action === 'conflict')
}

/** Shows the whole plan. Throws what carrying it out would throw for a conflict. */
function planOnly(setup: Setup, request: DatacenterRequest, steps: InstallStep[], plans: StepPlan[]): InstallResult {
  const { emit } = setup.context
  const shown = steps.map(({ id, title }, index): InstallResult['steps'][number] => {
    const { state, note, changes, command, warnings, missing } = plans[index] as StepPlan
    emit({ type: 'step', id, title, state: 'started' })
    for (const message of warnings ?? []) emit({ type: 'warning', message })
    for (const change of changes?.changes ?? []) emit({ type: 'change', change: record(change, true) })
    const planned = state === 'change'
    const conflict = changes?.changes.find((change) => change.action === 'conflict')
    const told = missing !== undefined ? `missing: ${missing.why}` : `planned: ${note}`
    if (conflict !== undefined) emit({ type: 'step', id, title, state: 'failed' })
    else emit({ type: 'step', id, title, state: planned ? 'done' : 'skipped', note: planned ? told : note })
    return { id, title, state: planned ? 'planned' : 'present', note, command, missing: missing?.next }
  })
  const conflicts = conflictsOf(plans)
  if (conflicts.length > 0) throw conflictError(conflicts)
  return result(setup, request, { steps: shown, plans, last: plans.at(-1) })
}

/** Shows the plan, then asks once. Nothing to do is not worth a question. */
async function confirm({ context }: Setup, steps: InstallStep[], plans: StepPlan[], answered: string[]): Promise<void> {
  if (context.ask === undefined || plans.every((plan) => plan.state === 'present')) return
  const lines = steps.flatMap((step, index) => planLines(step.title, plans[index] as StepPlan))
  const answer = await context.ask({
    kind: 'confirm',
    name: 'proceed',
    flag: '--yes',
    message: 'Go ahead?',
    details: [`Plan for context ${context.kube.target.context}:`, ...lines],
    initial: true,
  })
  if (answer !== 'yes')
    throw new CassSniError('CSNI902', 'nothing was changed', { next: [again`${answered} --dry-run`] })
}

async function carryOutAll(
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
      const plan = changed ? await step.look() : (plans[index] as StepPlan)
      for (const message of plan.warnings ?? []) emit({ type: 'warning', message })
      if (plan.state === 'present') {
        for (const change of plan.changes?.changes ?? []) emit({ type: 'change', change: record(change, false) })
        emit({ type: 'step', id, title, state: 'skipped', note: plan.note })
        done.push({ id, title, state: 'present', note: plan.note })
        last = plan
      } else {
        const outcome = await step.change(plan)
        emit({ type: 'step', id, title, state: 'done', note: outcome.note })
        done.push({ id, title, state: 'changed', note: outcome.note })
        last = outcome
      }
    } catch (error) {
      emit({ type: 'step', id, title, state: 'failed' })
      throw resumable(setup, error, answered)
    }
  }
  return result(setup, request, { steps: done, plans, last })
}

/** The error of a run that was cut short, with the command that resumes it: the same one, and what was answered. */
function resumable({ context }: Setup, error: unknown, answered: string[]): unknown {
  const reason: unknown = context.signal.aborted ? context.signal.reason : error
  if (error instanceof CassSniError && error.code === 'CSNI901') return withAnswers(error, answered)
  if (!(reason instanceof CassSniError) || (reason.code !== 'CSNI902' && reason.code !== 'CSNI901')) return error
  return new CassSniError(reason.code, `${reason.message} Completed steps are kept; rerun to resume.`, {
    next: [again`${answered}`],
  })
}

function withAnswers(error: CassSniError, answered: string[]): CassSniError {
  const next = error.next.map((step) => ('again' in step ? { ...step, again: [...answered, ...step.again] } : step))
  return new CassSniError(error.code, error.message, { object: error.object, next, cause: error.cause })
}

interface Carried {
  steps: InstallResult['steps']
  plans: StepPlan[]
  last: Pick<StepPlan, 'datacenter'> | undefined
}

function result(
  { context, namespace }: Setup,
  { name }: DatacenterRequest,
  { steps, plans, last }: Carried,
): InstallResult {
  // the namespace of a prompt, or the default one, is no flag of this command line
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
