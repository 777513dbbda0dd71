/** The blog's operator without a sidecar: one that is there is kept, else the user's manifest or chart is applied. */
import type { Operator } from '../../cassandra/operator.ts'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import type { Desired } from '../../changes/changeset.ts'
import { FIELD_MANAGER } from '../../changes/ownership.ts'
import { validateChanges } from '../../changes/validate.ts'
import { DEPLOYMENT } from '../../cluster/resources.ts'
import { deploymentReasons } from '../../cluster/workload-reasons.ts'
import { again, CassSniError, command, hint } from '../../errors.ts'
import { shell } from '../../text/shell-words.ts'
import { poll } from '../../waiting/poll.ts'
import { manifestDesired, NOT_INJECTED } from './operator-manifest.ts'
import { findOperator, type OperatorSource, operatorText } from './operator-source.ts'
import { connectionFor, programOutput } from './run-program.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'

const OPERATOR_POLL_MS = 1000

async function isAppliedByUs({ context }: Setup, operator: Operator): Promise<boolean> {
  const deployment = await context.kube.get(DEPLOYMENT, operator.deployment, operator.namespace)
  return deployment?.metadata.managedFields?.some((entry) => entry.manager === FIELD_MANAGER) ?? false
}

/** Keeps Istio's sidecar away from an operator that a chart has installed: a patch of these two keys only. */
function withoutSidecar(operator: Operator): Desired {
  return {
    type: DEPLOYMENT,
    ownership: 'share',
    taker: 'no-sidecar',
    mustExist: true,
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: operator.deployment, namespace: operator.namespace },
      spec: { template: { metadata: NOT_INJECTED } },
    },
  }
}

/** An operator that is kept is not ours to patch. */
function exposed({ deployment, namespace, injected }: Operator): string[] {
  if (!injected) return []
  const patch = JSON.stringify({ spec: { template: { metadata: NOT_INJECTED } } })
  return [
    `Istio injects a sidecar into deployment/${deployment} in namespace ${namespace}; to keep it out: ` +
      `${shell`kubectl patch deployment ${deployment} -n ${namespace} -p ${patch}`}`,
  ]
}

function helmCommand({ options, namespace }: Setup, chart: string): string[] {
  const install = ['upgrade', '--install', 'cass-operator', chart, '--namespace', namespace, '--wait']
  return [options.helm, ...install, ...connectionFor(options.kubeOptions, 'helm', 'CSNI702')]
}

/** Pods whose image cannot be pulled and the like are seen at once, not when the time is over. */
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
          operator === undefined ? [`no operator watches namespace ${namespace} yet`] : await reasons(setup, operator)
        context.emit({ type: 'waiting', id: 'operator', lines })
        return undefined
      },
    })
    return ready as Operator
  } catch (error) {
    // also when --timeout has cut a request short: the reason is what was waited for
    const reason: unknown = context.signal.aborted ? context.signal.reason : error
    if (!(reason instanceof CassSniError) || reason.code !== 'CSNI901') throw reason
    throw new CassSniError('CSNI901', `cass-operator was not ready in time: ${lines.join('; ')}`, {
      next: [again``, command`kubectl get events -n ${namespace} --sort-by=.lastTimestamp`],
    })
  }
}

async function reasons({ context }: Setup, { deployment, namespace }: Operator): Promise<string[]> {
  const found = await deploymentReasons(context.kube, deployment, namespace)
  return found.length > 0 ? found : [`deployment/${deployment} is not ready yet`]
}

/** The step that installs cass-operator, or waits for the one that is there. */
export function operatorStep(setup: Setup, source: OperatorSource): InstallStep {
  const { context } = setup
  return {
    id: 'operator',
    title: 'cass-operator, without a sidecar',

    async look(): Promise<StepPlan> {
      const operator = await findOperator(setup)
      if (operator !== undefined && !(source.kind === 'manifest' && (await isAppliedByUs(setup, operator)))) {
        const note = `kept: ${operatorText(operator)}${operator.ready ? '' : ', not ready yet'}`
        return { state: operator.ready ? 'present' : 'change', note, warnings: exposed(operator) }
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
          return { state: 'change', note: `from chart ${source.chart}`, command: helmCommand(setup, source.chart) }
        case 'nowhere':
          return { state: 'change', note: source.missing.why, missing: source.missing }
        case 'cluster':
          throw new CassSniError('CSNI305', 'cass-operator was removed while install was running', { next: [again``] })
      }
    },

    async change(plan): Promise<{ note: string }> {
      if (plan.command !== undefined) {
        await programOutput({
          command: plan.command,
          signal: context.signal,
          code: 'CSNI702',
          needed: 'cass-operator is to be installed from a chart',
          missing: [hint('install helm, name it with --helm, or use --operator-manifest')],
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
