/** The blog's `kubectl get po` until all is running: one line per pod with what it waits for. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { findDatacenter } from '../../cassandra/observe-datacenter.ts'
import { again, CassSniError, command } from '../../errors.ts'
import { poll } from '../../waiting/poll.ts'
import { explain } from './stalled-datacenter.ts'
import type { InstallStep, Setup, StepOutcome, StepPlan } from './step.ts'

const POLL_MS = 1000

/** True when every node is there and ready and the operator has finished with the present specification. */
export function isReady(datacenter: Datacenter): boolean {
  const started = datacenter.nodes.filter((node) => node.ready && !node.terminating && node.state === 'Started')
  return (
    started.length === datacenter.size &&
    datacenter.nodes.length === datacenter.size &&
    datacenter.progress === 'Ready' &&
    condition(datacenter, 'Ready')?.status === 'True'
  )
}

function condition(datacenter: Datacenter, type: string): Datacenter['conditions'][number] | undefined {
  return datacenter.conditions.find((entry) => entry.type === type)
}

function nodeLine(node: CassandraNode): string {
  if (node.terminating) return `${node.pod}: terminating`
  if (node.waiting !== undefined) return `${node.pod}: ${node.waiting}`
  return `${node.pod}: ${node.ready ? 'ready' : 'not ready yet'} (${node.state})`
}

/** What the datacenter still waits for: a line per pod, then what the operator itself says. */
export function waitingLines(datacenter: Datacenter): string[] {
  const missing = datacenter.size - datacenter.nodes.length
  const operator = datacenter.conditions
    .filter((entry) => entry.status === 'True' && OPERATOR_BUSY.includes(entry.type))
    .map((entry) => `operator: ${entry.type}${entry.message ? `: ${entry.message}` : ''}`)
  return [
    ...datacenter.nodes.map(nodeLine),
    ...(missing > 0 ? [`${missing} more pod${missing === 1 ? '' : 's'} to be created by the operator`] : []),
    ...(operator.length > 0 ? operator : datacenter.progress === '' ? [] : [`operator: ${datacenter.progress}`]),
  ]
}

/** Conditions that say what the operator does (apis/cassandra/v1beta1/cassandradatacenter_types.go). */
const OPERATOR_BUSY = [
  'ReplacingNodes',
  'ScalingUp',
  'ScalingDown',
  'Updating',
  'Resuming',
  'RollingRestart',
  'Decommission',
  'ResizingVolumes',
]

/** Throws CSNI303 for what no waiting changes. */
function refuseInvalid({ namespace, name, ...datacenter }: Datacenter, hopeless: string | undefined): void {
  const valid = datacenter.conditions.find((entry) => entry.type === 'Valid')
  const invalid = valid?.status === 'False' ? (valid.message ?? valid.reason ?? 'condition Valid is False') : hopeless
  const object = `cassandradatacenter.cassandra.datastax.com/${name}`
  if (invalid !== undefined) {
    throw new CassSniError(
      'CSNI303',
      `cassandradatacenter/${name} in namespace ${namespace}: refused by cass-operator: ${invalid}`,
      { object, next: [command`kubectl describe cassdc ${name} -n ${namespace}`] },
    )
  }
  if (datacenter.stopped) {
    throw new CassSniError('CSNI303', `cassandradatacenter/${name} in namespace ${namespace}: stopped (spec.stopped)`, {
      object,
      next: [command`kubectl patch cassdc ${name} -n ${namespace} --type merge -p '{"spec":{"stopped":false}}'`],
    })
  }
}

/** Undefined as long as there is none, or not even an operator that brings the kind. */
async function observe({ context, namespace, options }: Setup, name: string): Promise<Datacenter | undefined> {
  const { clusterDomain } = options
  return findDatacenter(context.kube, { namespace, name, clusterDomain }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI305') return undefined
    throw error
  })
}

/** The step that waits until all nodes are ready. */
export function nodesStep(setup: Setup, name: string): InstallStep {
  const { context, namespace } = setup
  return {
    id: 'nodes',
    title: 'Cassandra nodes',

    async look(): Promise<StepPlan> {
      const datacenter = await observe(setup, name)
      if (datacenter === undefined) return { state: 'change', note: 'to be started' }
      if (isReady(datacenter)) return { state: 'present', note: `${datacenter.nodes.length} ready`, datacenter }
      const ready = datacenter.nodes.filter((node) => node.ready).length
      return { state: 'change', note: `${ready} of ${datacenter.size} ready`, datacenter }
    },

    async change(): Promise<StepOutcome> {
      let lines: string[] = []
      try {
        const ready = await poll({
          signal: context.signal,
          interval: POLL_MS,
          until: async () => {
            const datacenter = await observe(setup, name)
            if (datacenter === undefined) return undefined
            if (isReady(datacenter)) return datacenter
            const { reasons, hopeless } = await explain(context.kube, datacenter)
            refuseInvalid(datacenter, hopeless)
            lines = [...waitingLines(datacenter), ...reasons]
            context.emit({ type: 'waiting', id: 'nodes', lines })
            return undefined
          },
        })
        return { note: `${ready?.nodes.length ?? 0} ready`, datacenter: ready }
      } catch (error) {
        // also when --timeout has cut a request short: the reason is what was waited for
        const reason: unknown = context.signal.aborted ? context.signal.reason : error
        if (!(reason instanceof CassSniError) || reason.code !== 'CSNI901') throw reason
        throw new CassSniError(
          'CSNI901',
          `datacenter ${name} in namespace ${namespace} was not ready in time: ${lines.join('; ')}`,
          { next: [again``, command`kubectl get events -n ${namespace} --sort-by=.lastTimestamp`] },
        )
      }
    },
  }
}
