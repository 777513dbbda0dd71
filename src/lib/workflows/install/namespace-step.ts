/** Creates the namespace, labels it for sidecar injection, and sets it on the current context with --set-context. */
import { applyChanges } from '../../changes/apply.ts'
import { changesIn, planChanges } from '../../changes/change-plan.ts'
import type { ChangeSet } from '../../changes/changeset.ts'
import { validateChanges } from '../../changes/validate.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { NAMESPACE } from '../../cluster/resources.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import type { Warning } from '../../events.ts'
import {
  checkRevision,
  INJECTION_LABEL,
  injectionContradiction,
  injectionLabels,
  namespaceInjection,
  REVISION_LABEL,
  sameRevision,
} from '../../istio/injection.ts'
import type { Mesh } from '../../istio/mesh.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { InjectionChoice } from './namespace-injection.ts'
import { programOutput } from './run-program.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'

/** Plans the namespace with exactly these labels; labels of other field managers are kept. */
async function changesOf({ context, namespace }: Setup, labels: Record<string, string>): Promise<ChangeSet> {
  const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  return planChanges(context.kube, [{ type: NAMESPACE, ownership: 'share', managerSuffix: 'injection', object }])
}

function contextIsSet({ options, context, namespace }: Setup): boolean {
  return !options.setContext || context.kube.target.contextNamespace === namespace
}

interface LabelPlan {
  note: string
  changes: ChangeSet
  warnings?: Warning[] | undefined
}

async function labelPlan(setup: Setup, choice: InjectionChoice): Promise<LabelPlan> {
  const { context, namespace, options } = setup
  const [live, mesh] = await Promise.all([
    context.kube.get(NAMESPACE, namespace),
    observeMesh(context.kube, { injection: true }),
  ])
  const labels = live?.metadata.labels ?? {}
  const found = namespaceInjection(labels)
  const contradiction = injectionContradiction(namespace, labels, mesh)
  if (choice.mode === 'none') return withoutInjection(setup, labels)
  if (contradiction !== undefined && options.injection !== 'keep') throw contradiction
  const kept: LabelPlan = {
    note:
      `${namespace}, ${found.labels.length === 0 ? 'no sidecar injection' : `${found.labels.join(', ')} (kept)`}` +
      `${choice.reason === undefined ? '' : ` (${choice.reason}; use --injection enable to label the namespace)`}`,
    changes: { stages: [] },
    warnings:
      contradiction === undefined
        ? undefined
        : [{ message: contradiction.message, code: contradiction.code, next: contradiction.next }],
  }
  if (choice.mode === 'keep') return live === undefined ? { ...kept, changes: await changesOf(setup, {}) } : kept
  if (options.istioRevision !== undefined) checkRevision(mesh, options.istioRevision)
  if (found.mode === 'sidecar') {
    refuseOtherRevision(setup, mesh, found.labels, found.revision)
    return kept
  }
  const added = injectionLabels(mesh, options.istioRevision)
  const labelTexts = Object.entries(added).map(([key, value]) => `${key}=${value}`)
  return { note: `${namespace}, ${labelTexts.join(', ')}`, changes: await changesOf(setup, added) }
}

/**
 * Throws CSNI505 for a namespace of another control plane's revision: its pods would move to the other control
 * plane at their next restart.
 */
function refuseOtherRevision(
  { options, namespace }: Setup,
  mesh: Mesh,
  labels: string[],
  revision: string | undefined,
): void {
  const requested = options.istioRevision
  if (requested === undefined || revision === undefined || sameRevision(mesh, requested, revision)) return
  const words =
    requested === 'default'
      ? [`${REVISION_LABEL}-`, `${INJECTION_LABEL}=enabled`]
      : [`${INJECTION_LABEL}-`, `${REVISION_LABEL}=${requested}`]
  throw new CassSniError(
    'CSNI505',
    `namespace/${namespace}: ${labels.join(', ')} conflicts with --istio-revision ${requested}`,
    {
      object: `namespace/${namespace}`,
      next: [
        again`--istio-revision ${revision}`,
        hint('alternatively, move all pods in the namespace to the other revision'),
        command`kubectl label namespace ${namespace} ${words} --overwrite`,
      ],
    },
  )
}

/** Plans the removal of the label that this program set. Throws CSNI505 for a label of another field manager. */
async function withoutInjection(setup: Setup, labels: Record<string, string>): Promise<LabelPlan> {
  const { namespace } = setup
  const changes = await changesOf(setup, {})
  const removed = changesIn(changes).flatMap((change) => change.fields.map((field) => field.path))
  const left = Object.fromEntries(Object.entries(labels).filter(([key]) => !removed.some((path) => path.includes(key))))
  const { mode, labels: others } = namespaceInjection(left)
  if (mode !== 'sidecar') return { note: `${namespace}, no sidecar injection`, changes }
  throw new CassSniError('CSNI505', `namespace/${namespace}: ${others.join(', ')} conflicts with --injection none`, {
    object: `namespace/${namespace}`,
    next: [
      again`--injection keep`,
      command`kubectl label namespace ${namespace} ${others.map((label) => `${label.split('=')[0]}-`)}`,
    ],
  })
}

/** Returns the step that creates and labels the namespace. */
export function namespaceStep(setup: Setup, choice: InjectionChoice): InstallStep {
  const { context, options, namespace } = setup
  return {
    id: 'namespace',
    title: 'Namespace',

    async plan(): Promise<StepPlan> {
      const { note, changes, warnings = [] } = await labelPlan(setup, choice)
      const validation = await validateChanges(context.kube, changes)
      const settled = isSettled(changes) && contextIsSet(setup)
      return { state: settled ? 'present' : 'change', note, changes, warnings: [...warnings, ...validation.warnings] }
    },

    async apply(plan): Promise<{ note: string }> {
      if (plan.changes !== undefined) await applyChanges(context, plan.changes)
      if (contextIsSet(setup)) return { note: plan.note }
      const { target } = context.kube
      await programOutput({
        command: [
          options.kubectl,
          'config',
          'set-context',
          target.context,
          `--namespace=${namespace}`,
          ...(options.kubeOptions.kubeconfig ? [`--kubeconfig=${options.kubeOptions.kubeconfig}`] : []),
        ],
        signal: context.signal,
        code: 'CSNI702',
        purpose: 'set the namespace on the context',
        missing: [hint('install kubectl, or specify its path with --kubectl')],
      })
      return { note: `${plan.note}, set on context ${target.context}` }
    },
  }
}
