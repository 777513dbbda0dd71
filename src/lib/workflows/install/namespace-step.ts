/**
 * The blog's `kubectl create namespace`, `kubectl label namespace istio-injection=enabled` and `kubectl config
 * set-context`.
 */
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { ChangeSet } from '../../changes/changeset.ts'
import { validateChanges } from '../../changes/validate.ts'
import type { KubeObject } from '../../cluster/kube.ts'
import { NAMESPACE } from '../../cluster/resources.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
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

/** The namespace with these labels of ours, and no others. */
async function changesOf({ context, namespace }: Setup, labels: Record<string, string>): Promise<ChangeSet> {
  const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  return planChanges(context.kube, [{ type: NAMESPACE, ownership: 'share', taker: 'injection', object }])
}

function contextIsSet({ options, context, namespace }: Setup): boolean {
  return !options.setContext || context.kube.target.contextNamespace === namespace
}

interface LabelPlan {
  note: string
  changes: ChangeSet
  warnings?: string[] | undefined
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
      `${namespace}, ${found.labels.length === 0 ? 'no sidecar injection' : `kept: ${found.labels.join(', ')}`}` +
      `${choice.why === undefined ? '' : ` (${choice.why}; --injection enable labels it)`}`,
    changes: { changes: [] },
    warnings: contradiction === undefined ? undefined : [contradiction.message],
  }
  if (choice.mode === 'keep') return live === undefined ? { ...kept, changes: await changesOf(setup, {}) } : kept
  if (options.istioRevision !== undefined) checkRevision(mesh, options.istioRevision)
  if (found.mode === 'sidecar') {
    refuseOtherRevision(setup, mesh, found.labels, found.revision)
    return kept
  }
  const added = injectionLabels(mesh, options.istioRevision)
  const shown = Object.entries(added).map(([key, value]) => `${key}=${value}`)
  return { note: `${namespace}, ${shown.join(',')}`, changes: await changesOf(setup, added) }
}

/**
 * A namespace that another control plane injects is not moved by the way: its pods would change theirs at their next
 * restart.
 */
function refuseOtherRevision(
  { options, namespace }: Setup,
  mesh: Mesh,
  labels: string[],
  revision: string | undefined,
): void {
  const wanted = options.istioRevision
  if (wanted === undefined || revision === undefined || sameRevision(mesh, wanted, revision)) return
  const words =
    wanted === 'default'
      ? [`${REVISION_LABEL}-`, `${INJECTION_LABEL}=enabled`]
      : [`${INJECTION_LABEL}-`, `${REVISION_LABEL}=${wanted}`]
  throw new CassSniError(
    'CSNI505',
    `namespace/${namespace}: ${labels.join(', ')} contradicts --istio-revision ${wanted}`,
    {
      object: `namespace/${namespace}`,
      next: [
        again`--istio-revision ${revision}`,
        hint('or move all pods of the namespace to the other revision:'),
        command`kubectl label namespace ${namespace} ${words} --overwrite`,
      ],
    },
  )
}

/** Takes back the label that this program set; one that another set is for its owner to remove. */
async function withoutInjection(setup: Setup, labels: Record<string, string>): Promise<LabelPlan> {
  const { namespace } = setup
  const changes = await changesOf(setup, {})
  const removed = changes.changes.flatMap((change) => change.fields.map((field) => field.path))
  const left = Object.fromEntries(Object.entries(labels).filter(([key]) => !removed.some((path) => path.includes(key))))
  const { mode, labels: others } = namespaceInjection(left)
  if (mode !== 'sidecar') return { note: `${namespace}, no sidecar injection`, changes }
  throw new CassSniError('CSNI505', `namespace/${namespace}: ${others.join(', ')} contradicts --injection none`, {
    object: `namespace/${namespace}`,
    next: [
      again`--injection keep`,
      command`kubectl label namespace ${namespace} ${others.map((label) => `${label.split('=')[0]}-`)}`,
    ],
  })
}

/** The step that creates or labels the namespace. */
export function namespaceStep(setup: Setup, choice: InjectionChoice): InstallStep {
  const { context, options, namespace } = setup
  return {
    id: 'namespace',
    title: 'Namespace',

    async look(): Promise<StepPlan> {
      const { note, changes, warnings = [] } = await labelPlan(setup, choice)
      const validation = await validateChanges(context.kube, changes)
      const settled = isSettled(changes) && contextIsSet(setup)
      return { state: settled ? 'present' : 'change', note, changes, warnings: [...warnings, ...validation.warnings] }
    },

    async change(plan): Promise<{ note: string }> {
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
        needed: 'the context is to be changed',
        missing: [hint('install kubectl, or name it with --kubectl')],
      })
      return { note: `${plan.note}; context ${target.context} now points to ${namespace}` }
    },
  }
}
