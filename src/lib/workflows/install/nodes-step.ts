/** Waits until all Cassandra nodes are ready, and reports one line per pod that is not. */
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { findDatacenter } from '../../cassandra/observe-datacenter.ts'
import { again, CassSniError, command } from '../../errors.ts'
import { counted } from '../../text/counted.ts'
import { poll } from '../../waiting/poll.ts'
import { explain } from './stalled-datacenter.ts'
import type { InstallStep, Setup, StepOutcome, StepPlan } from './step.ts'

const POLL_MS = 1000

/** Returns whether all nodes are ready and cass-operator has finished with the current spec. */
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
  return `${node.pod}: ${node.ready ? 'ready' : 'not ready'} (${node.state})`
}

/** Returns what the datacenter is waiting for: a line per pod, then the conditions set by cass-operator. */
export function waitingLines(datacenter: Datacenter): string[] {
  const missing = datacenter.size - datacenter.nodes.length
  const operator = datacenter.conditions
    .filter((entry) => entry.status === 'True' && OPERATOR_BUSY.includes(entry.type))
    .map((entry) => `cass-operator: ${entry.type}${entry.message ? ` (${entry.message})` : ''}`)
  return [
    ...datacenter.nodes.map(nodeLine),
    ...(missing > 0 ? [`waiting for cass-operator to create ${counted(missing, 'pod')}`] : []),
    ...(operator.length > 0 ? operator : datacenter.progress === '' ? [] : [`cass-operator: ${datacenter.progress}`]),
  ]
}

/** Conditions that cass-operator sets while it is working (apis/cassandra/v1beta1/cassandradatacenter_types.go). */
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

/** Throws CSNI303 for a datacenter that will not become ready without a change. */
function refuseInvalid({ namespace, name, ...datacenter }: Datacenter, refusal: string | undefined): void {
  const valid = datacenter.conditions.find((entry) => entry.type === 'Valid')
  const invalid = valid?.status === 'False' ? (valid.message ?? valid.reason ?? 'condition Valid is False') : refusal
  const object = `cassandradatacenter.cassandra.datastax.com/${name}`
  if (invalid !== undefined) {
    throw new CassSniError(
      'CSNI303',
      `cassandradatacenter/${name} in namespace ${namespace}: rejected by cass-operator: ${invalid}`,
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

/** Returns the datacenter; undefined while it, or cass-operator itself, does not exist. */
async function observe({ context, namespace, options }: Setup, name: string): Promise<Datacenter | undefined> {
  const { clusterDomain } = options
  return findDatacenter(context.kube, { namespace, name, clusterDomain }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI305') return undefined
    throw error
  })
}

/** Returns the step that waits until all nodes are ready. */
export function nodesStep(setup: Setup, name: string): InstallStep {
  const { context, namespace } = setup
  return {
    id: 'nodes',
    title: 'Cassandra nodes',

    async plan(): Promise<StepPlan> {
      const datacenter = await observe(setup, name)
      if (datacenter === undefined) return { state: 'change', note: 'wait until ready' }
      if (isReady(datacenter)) return { state: 'present', note: `${datacenter.nodes.length} ready`, datacenter }
      const ready = datacenter.nodes.filter((node) => node.ready).length
      return { state: 'change', note: `wait until ready (${ready} of ${datacenter.size})`, datacenter }
    },

    async apply(): Promise<StepOutcome> {
      let lines: string[] = []
      try {
        const ready = await poll({
          signal: context.signal,
          interval: POLL_MS,
          until: async () => {
            const datacenter = await observe(setup, name)
            if (datacenter === undefined) return undefined
            if (isReady(datacenter)) return datacenter
            const { reasons, refusal } = await explain(context.kube, datacenter)
            refuseInvalid(datacenter, refusal)
            lines = [...waitingLines(datacenter), ...reasons]
            context.emit({ type: 'waiting', id: 'nodes', lines })
            return undefined
          },
        })
        return { note: `${ready?.nodes.length ?? 0} ready`, datacenter: ready }
      } catch (error) {
        // --timeout may have aborted a request: report what the step was waiting for instead
        const reason: unknown = context.signal.aborted ? context.signal.reason : error
        if (!(reason instanceof CassSniError) || reason.code !== 'CSNI901') throw reason
        throw new CassSniError(
          'CSNI901',
          `cassandradatacenter/${name} in namespace ${namespace}: timed out waiting for nodes: ${lines.join('; ')}`,
          { next: [again``, command`kubectl get events -n ${namespace} --sort-by=.lastTimestamp`] },
        )
      }
    },
  }
}
