/**
 * The blog from `istioctl install` to the running Cassandra nodes. Every step looks first and changes only what
 * differs,
 * so that an interrupted install goes on where it was, and a second one writes nothing.
 */
import { shell } from '../text/shell-words.ts'
import { record } from '../changes/record.ts'
import { CassSniError, command, throwIfAborted } from '../errors.ts'
import type { WorkflowContext } from './context.ts'
import { DEFAULTS } from './install/datacenter-spec.ts'
import { datacenterStep, fileWarnings } from './install/datacenter-step.ts'
import { istioStep } from './install/istio-step.ts'
import { mtlsStep } from './install/mtls-step.ts'
import { namespaceStep } from './install/namespace-step.ts'
import { nodesStep } from './install/nodes-step.ts'
import { operatorStep } from './install/operator-step.ts'
import {
  type Install,
  type InstallOptions,
  type InstallResult,
  type InstallStep,
  nodeResult,
  type StepPlan,
} from './install/step.ts'
import { storageStep } from './install/storage-step.ts'

export type { InstallOptions, InstallResult } from './install/step.ts'

/** In the order of the blog, but storage before the operator's webhook can refuse a datacenter without one. */
const STEPS: InstallStep[] = [istioStep, namespaceStep, mtlsStep, operatorStep, storageStep, datacenterStep, nodesStep]

/** The order in which the user is asked: the datacenter's file or live object may answer what storage would ask. */
const QUESTIONS: InstallStep[] = [operatorStep, datacenterStep, storageStep]

const DEFAULT_NAMESPACE = 'cass-operator'

/**
 * Brings the cluster to a running Cassandra datacenter behind Istio.
 * Errors: CSNI102 when something must be said and nobody can be asked, CSNI901/902 when it was cut short, and those
 * of the steps.
 */
export async function install(context: WorkflowContext, options: InstallOptions): Promise<InstallResult> {
  const run: Install = {
    context,
    options,
    namespace: await chooseNamespace(context),
    datacenterName: options.datacenterName ?? DEFAULTS.datacenterName,
  }
  for (const step of QUESTIONS) await step.prepare?.(run)
  for (const message of fileWarnings(run)) context.emit({ type: 'warning', message })
  if (context.dryRun) return planOnly(run)
  if (context.ask !== undefined) await confirm(run)

  const steps: InstallResult['steps'] = []
  for (const step of STEPS) steps.push(await carryOut(run, step))
  return result(run, steps)
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
    validate: namespaceTrouble,
  })
}

function namespaceTrouble(text: string): string | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? undefined : 'Use lower-case letters, digits and hyphens.'
}

async function carryOut(run: Install, step: InstallStep): Promise<InstallResult['steps'][number]> {
  const { emit, signal } = run.context
  throwIfAborted(signal)
  emit({ type: 'step', id: step.id, title: step.title, state: 'started' })
  try {
    const plan = await step.look(run)
    if (plan.warning !== undefined) emit({ type: 'warning', message: plan.warning })
    if (plan.state === 'present') {
      for (const change of plan.changes?.changes ?? []) emit({ type: 'change', change: record(change, false) })
      emit({
        type: 'step',
        id: step.id,
        title: step.title,
        state: 'skipped',
        note: plan.note,
      })
      return {
        id: step.id,
        title: step.title,
        state: 'present',
        note: plan.note,
      }
    }
    const note = await step.change(run, plan)
    emit({ type: 'step', id: step.id, title: step.title, state: 'done', note })
    return { id: step.id, title: step.title, state: 'changed', note }
  } catch (error) {
    emit({ type: 'step', id: step.id, title: step.title, state: 'failed' })
    if (!signal.aborted || !(signal.reason instanceof CassSniError) || signal.reason.code !== 'CSNI902') throw error
    throw new CassSniError(
      'CSNI902',
      `${signal.reason.message} What was done stays, and the next run goes on from there.`,
      {
        next: [command`kubectl cass-sni install`],
      },
    )
  }
}

async function look(run: Install, step: InstallStep): Promise<StepPlan> {
  return step.look(run).catch((error: unknown) => {
    // what a step before it would bring is not there yet: its kinds are not served
    if (error instanceof CassSniError && (error.code === 'CSNI205' || error.code === 'CSNI305'))
      return {
        state: 'change',
        note: 'to be done after the steps before it',
      } satisfies StepPlan
    throw error
  })
}

async function planOnly(run: Install): Promise<InstallResult> {
  const steps: InstallResult['steps'] = []
  for (const step of STEPS) {
    run.context.emit({
      type: 'step',
      id: step.id,
      title: step.title,
      state: 'started',
    })
    const plan = await look(run, step)
    if (plan.warning !== undefined) run.context.emit({ type: 'warning', message: plan.warning })
    for (const change of plan.changes?.changes ?? []) run.context.emit({ type: 'change', change: record(change, true) })
    const planned = plan.state === 'change'
    run.context.emit({
      type: 'step',
      id: step.id,
      title: step.title,
      state: planned ? 'done' : 'skipped',
      note: planned ? `would be done: ${plan.note}` : plan.note,
    })
    steps.push({
      id: step.id,
      title: step.title,
      state: planned ? 'planned' : 'present',
      note: plan.note,
      command: plan.command,
    })
  }
  return result(run, steps)
}

/** Shows the plan, then asks once. Nothing to do is not worth a question. */
async function confirm(run: Install): Promise<void> {
  const lines: string[] = []
  let work = false
  for (const step of STEPS) {
    const plan = await look(run, step)
    work ||= plan.state === 'change'
    const how = plan.command === undefined ? '' : ` (runs ${shell`${plan.command}`})`
    lines.push(`${plan.state === 'change' ? '+' : '='} ${step.title}: ${plan.note}${how}`)
  }
  if (!work || run.context.ask === undefined) return
  const answer = await run.context.ask({
    kind: 'confirm',
    name: 'proceed',
    flag: '--yes',
    message: 'Go ahead?',
    details: [`Plan for context ${run.context.kube.target.context}:`, ...lines],
    initial: true,
  })
  if (answer !== 'yes')
    throw new CassSniError('CSNI902', 'nothing was changed', {
      next: [command`kubectl cass-sni install --dry-run`],
    })
}

function result(run: Install, steps: InstallResult['steps']): InstallResult {
  const datacenter = run.datacenter
  const flags = run.context.kube.target.namespace === run.namespace ? [] : ['-n', run.namespace]
  return {
    ok: true,
    namespace: run.namespace,
    datacenter: run.datacenterName,
    steps,
    nodes: (datacenter?.nodes ?? []).map(nodeResult),
    next: [
      command`kubectl cass-sni certs ${flags}`,
      command`kubectl cass-sni routes sync ${flags}`,
      command`kubectl cass-sni verify ${flags}`,
    ],
  }
}
