/**
 * The blog's `kubectl create namespace`, `kubectl label namespace istio-injection=enabled` and `kubectl config
 * set-context`.
 */
import { again, hint } from '../../errors.ts'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { Desired } from '../../changes/changeset.ts'
import { NAMESPACE } from '../../cluster/resources.ts'
import { injectionLabels } from '../../istio/injection.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import { programOutput } from './run-program.ts'
import type { Install, InstallStep, StepPlan } from './step.ts'

/** The namespace with the label that makes Istio inject its sidecar into the pods there. */
function desiredNamespace(name: string, labels: Record<string, string>): Desired {
  return {
    type: NAMESPACE,
    ownership: 'share',
    taker: 'injection',
    // The label is what the user asks for by running install; a namespace labelled otherwise by hand is told as a
    // conflict.
    object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
  }
}

function contextIsSet(install: Install): boolean {
  return !install.options.setContext || install.context.kube.target.contextNamespace === install.namespace
}

export const namespaceStep: InstallStep = {
  id: 'namespace',
  title: 'Namespace with sidecar injection',

  async look(install): Promise<StepPlan> {
    const mesh = await observeMesh(install.context.kube, { injection: true })
    const labels = injectionLabels(mesh, install.options.istioRevision)
    const changes = await planChanges(install.context.kube, [desiredNamespace(install.namespace, labels)])
    const settled = changes.changes.every((change) => change.action === 'unchanged') && contextIsSet(install)
    const label = Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',')
    return {
      state: settled ? 'present' : 'change',
      note: `${install.namespace}, ${label}`,
      changes,
    }
  },

  async change(install, plan): Promise<string> {
    if (plan.changes !== undefined) await applyChanges(install.context, plan.changes)
    if (!contextIsSet(install)) {
      const { kubectl } = install.options
      const { target } = install.context.kube
      const args = [
        'config',
        'set-context',
        target.context,
        `--namespace=${install.namespace}`,
        ...(install.options.kubeOptions.kubeconfig ? [`--kubeconfig=${install.options.kubeOptions.kubeconfig}`] : []),
      ]
      await programOutput({
        command: [kubectl, ...args],
        signal: install.context.signal,
        code: 'CSNI702',
        needed: 'the context is to be changed',
        missing: [hint('install kubectl, or name it with --kubectl'), again`--kubectl /path/to/kubectl`],
      })
      return `${plan.note}; context ${target.context} now points to ${install.namespace}`
    }
    return plan.note
  },
}
