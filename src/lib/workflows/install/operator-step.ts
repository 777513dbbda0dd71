/** Installs cass-operator without a sidecar from a manifest or chart. An existing operator is kept. */
import type { Operator } from '../../cassandra/operator.ts'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { Desired } from '../../changes/changeset.ts'
import { FIELD_MANAGER } from '../../changes/ownership.ts'
import { validateChanges } from '../../changes/validate.ts'
import { DEPLOYMENT } from '../../cluster/resources.ts'
import { deploymentReasons } from '../../cluster/workload-reasons.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import type { Warning } from '../../events.ts'
import { poll } from '../../waiting/poll.ts'
import { manifestDesired, NOT_INJECTED } from './operator-manifest.ts'
import { findOperator, type OperatorSource, operatorText } from './operator-source.ts'
import { connectionFor, programOutput } from './run-program.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'

const OPERATOR_POLL_MS = 1000

async function isManagedHere({ context }: Setup, operator: Operator): Promise<boolean> {
  const deployment = await context.kube.get(DEPLOYMENT, operator.deployment, operator.namespace)
  return deployment?.metadata.managedFields?.some((entry) => entry.manager === FIELD_MANAGER) ?? false
}

/** Disables the sidecar of an operator installed from a chart: patches these two keys only. */
function withoutSidecar(operator: Operator): Desired {
  return {
    type: DEPLOYMENT,
    ownership: 'share',
    managerSuffix: 'no-sidecar',
    mustExist: true,
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: operator.deployment, namespace: operator.namespace },
      spec: { template: { metadata: NOT_INJECTED } },
    },
  }
}

/** Returns a warning instead of a patch: an existing operator is not managed by this program. */
function sidecarWarnings({ deployment, namespace, injected }: Operator): Warning[] {
  if (!injected) return []
  const patch = JSON.stringify({ spec: { template: { metadata: NOT_INJECTED } } })
  return [
    {
      message: `Istio injects a sidecar into deployment/${deployment} in namespace ${namespace}`,
      next: [command`kubectl patch deployment ${deployment} -n ${namespace} -p ${patch}`],
    },
  ]
}

function helmCommand({ options, namespace }: Setup, chart: string): string[] {
  const install = ['upgrade', '--install', 'cass-operator', chart, '--namespace', namespace, '--wait']
  return [options.helm, ...install, ...connectionFor(options.kubeOptions, 'helm', 'CSNI702')]
}

/** Reports obstacles, such as an image that cannot be pulled, while waiting rather than after the timeout. */
async function waitUntilReady(setup: Setup): Promise<Operator> {
  const { context, namespace } = setup
  let lines: string[] = []
  try {
    const ready = await poll({
      signal: context.signal,
      interval: OPERATOR_POLL_MS,
      until: async () => {
        const operator = await findOperator(setup)
        if (operator?.ready) return operator
        lines =
          operator === undefined
            ? [`waiting for an operator that watches namespace ${namespace}`]
            : await reasons(setup, operator)
        context.emit({ type: 'waiting', id: 'operator', lines })
        return undefined
      },
    })
    return ready as Operator
  } catch (error) {
    // --timeout may have aborted a request: report what the step was waiting for instead
    const reason: unknown = context.signal.aborted ? context.signal.reason : error
    if (!(reason instanceof CassSniError) || reason.code !== 'CSNI901') throw reason
    throw new CassSniError('CSNI901', `timed out waiting for cass-operator: ${lines.join('; ')}`, {
      next: [again``, command`kubectl get events -n ${namespace} --sort-by=.lastTimestamp`],
    })
  }
}

async function reasons({ context }: Setup, { deployment, namespace }: Operator): Promise<string[]> {
  const found = await deploymentReasons(context.kube, deployment, namespace)
  return found.length > 0 ? found : [`deployment/${deployment} not ready`]
}

/** Returns the step that installs cass-operator, or waits until the existing one is ready. */
export function operatorStep(setup: Setup, source: OperatorSource): InstallStep {
  const { context } = setup
  return {
    id: 'operator',
    title: 'cass-operator',

    async plan(): Promise<StepPlan> {
      const operator = await findOperator(setup)
      if (operator !== undefined && !(source.kind === 'manifest' && (await isManagedHere(setup, operator)))) {
        const note = `${operatorText(operator)} (kept${operator.ready ? '' : ', not ready'})`
        return { state: operator.ready ? 'present' : 'change', note, warnings: sidecarWarnings(operator) }
      }
      switch (source.kind) {
        case 'manifest': {
          const changes = await planChanges(context.kube, await manifestDesired(setup, source.objects))
          const { warnings } = await validateChanges(context.kube, changes)
          const note = operator === undefined ? `from ${source.source}` : operatorText(operator)
          const settled = isSettled(changes) && operator?.ready === true
          return { state: settled ? 'present' : 'change', note, changes, warnings }
        }
        case 'chart':
          return { state: 'change', note: `from Helm chart ${source.chart}`, command: helmCommand(setup, source.chart) }
        case 'unknown':
          return { state: 'change', note: source.note, missing: source.missing }
        case 'cluster':
          throw new CassSniError('CSNI305', 'cass-operator was removed while install was running', { next: [again``] })
      }
    },

    async apply(plan): Promise<{ note: string }> {
      if (plan.command !== undefined) {
        await programOutput({
          command: plan.command,
          signal: context.signal,
          code: 'CSNI702',
          purpose: 'install cass-operator from its Helm chart',
          missing: [hint('install helm, specify its path with --helm, or use --operator-manifest')],
          onLine: (line) => context.emit({ type: 'waiting', id: 'operator', lines: [`helm: ${line}`] }),
        })
        const installed = await findOperator(setup)
        if (installed !== undefined)
          await applyChanges(context, await planChanges(context.kube, [withoutSidecar(installed)]))
      } else if (plan.changes !== undefined) {
        await applyChanges(context, plan.changes)
      }
      return { note: operatorText(await waitUntilReady(setup)) }
    },
  }
}
