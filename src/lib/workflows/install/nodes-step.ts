/** The blog's `kubectl get po` until all is running: one line per pod with what it waits for. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { findDatacenter } from '../../cassandra/observe-datacenter.ts'
import { CassSniError, command, throwIfAborted } from '../../errors.ts'
import type { Install, InstallStep, StepPlan } from './step.ts'

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

function refuseInvalid(install: Install, datacenter: Datacenter): void {
  const valid = condition(datacenter, 'Valid')
  if (valid?.status === 'False') {
    throw new CassSniError(
      'CSNI303',
      `cass-operator finds datacenter ${datacenter.name} invalid: ${valid.message ?? valid.reason ?? 'no reason given'}`,
      {
        object: `cassandradatacenter.cassandra.datastax.com/${datacenter.name}`,
        next: [command`kubectl describe cassdc ${datacenter.name} -n ${install.namespace}`],
      },
    )
  }
  if (datacenter.stopped) {
    throw new CassSniError('CSNI303', `datacenter ${datacenter.name} is stopped (spec.stopped)`, {
      object: `cassandradatacenter.cassandra.datastax.com/${datacenter.name}`,
      next: [
        command`kubectl patch cassdc ${datacenter.name} -n ${install.namespace} --type merge -p '{"spec":{"stopped":false}}'`,
      ],
    })
  }
}

/** Undefined as long as there is none, or not even an operator that brings the kind. */
async function observe(install: Install): Promise<Datacenter | undefined> {
  return findDatacenter(install.context.kube, {
    namespace: install.namespace,
    name: install.datacenterName,
    clusterDomain: install.options.clusterDomain,
  }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI305') return undefined
    throw error
  })
}

/** Seen by --timeout's error: why it was not ready in time. */
function timeoutError(install: Install, lines: string[]): CassSniError {
  return new CassSniError(
    'CSNI901',
    `datacenter ${install.datacenterName} in namespace ${install.namespace} was not ready in time: ${lines.join('; ')}`,
    {
      next: [
        command`kubectl cass-sni install`,
        command`kubectl get events -n ${install.namespace} --sort-by=.lastTimestamp`,
      ],
    },
  )
}

export const nodesStep: InstallStep = {
  id: 'nodes',
  title: 'Cassandra nodes',

  async look(install): Promise<StepPlan> {
    const datacenter = await observe(install)
    if (datacenter !== undefined) install.datacenter = datacenter
    if (datacenter !== undefined && isReady(datacenter))
      return { state: 'present', note: `${datacenter.nodes.length} ready` }
    return {
      state: 'change',
      note:
        datacenter === undefined
          ? 'to be started'
          : `${datacenter.nodes.filter((node) => node.ready).length} of ${datacenter.size} ready`,
    }
  },

  async change(install): Promise<string> {
    const { context } = install
    let lines: string[] = []
    for (;;) {
      if (context.signal.aborted) {
        const reason: unknown = context.signal.reason
        if (reason instanceof CassSniError && reason.code === 'CSNI901') throw timeoutError(install, lines)
        throwIfAborted(context.signal)
      }
      // a poll that --timeout has cut short ends in the branch above, which tells what was waited for
      const datacenter = await observe(install).catch((error: unknown) => {
        if (context.signal.aborted) return undefined
        throw error
      })
      if (datacenter !== undefined) {
        install.datacenter = datacenter
        refuseInvalid(install, datacenter)
        if (isReady(datacenter)) return `${datacenter.nodes.length} ready`
        lines = waitingLines(datacenter)
        context.emit({ type: 'waiting', id: 'nodes', lines })
      }
      await sleep(POLL_MS, undefined, { signal: context.signal }).catch((error: unknown) => {
        if (!context.signal.aborted) throw error
      })
    }
  },
}
