/** Checks of the datacenter itself, from what cass-operator says. */
import { command } from '../errors.ts'
import { type Check, fail, pass } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'datacenter'

export const DATACENTER_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI811',
    category,
    title: 'the datacenter has its pods',
    severity: 'error',
    needs: [],
    perNode: false,
    async run({ datacenter }) {
      const { name, namespace, stopped, nodes, size } = datacenter
      if (stopped)
        return fail(
          'it is stopped (spec.stopped)',
          command`kubectl -n ${namespace} patch cassandradatacenter ${name} --type merge -p '{"spec":{"stopped":false}}'`,
        )
      if (nodes.length === 0)
        return fail('it has no pods yet', command`kubectl -n ${namespace} describe cassandradatacenter ${name}`)
      if (nodes.length < size)
        return fail(
          `it has ${nodes.length} of ${size} nodes`,
          command`kubectl -n ${namespace} describe cassandradatacenter ${name}`,
        )
      return pass(
        `${name} in namespace ${namespace}, ${datacenter.serverType} ${datacenter.serverVersion}, ${size} nodes`,
      )
    },
  },
  {
    code: 'CSNI812',
    category,
    title: 'the operator has nothing left to do',
    severity: 'warning',
    needs: [],
    perNode: false,
    async run({ datacenter: { name, namespace, progress, conditions } }) {
      if (progress === 'Ready') return pass()
      const busy = conditions
        .filter(
          ({ type, status }) =>
            status === 'True' && type !== 'Ready' && type !== 'Initialized' && type !== 'Healthy' && type !== 'Valid',
        )
        .map(({ type }) => type)
      const doing = busy.length === 0 ? '' : ` (${busy.join(', ')})`
      return fail(
        `cass-operator's progress is ${progress === '' ? 'not known' : `"${progress}"`}${doing}`,
        command`kubectl -n ${namespace} describe cassandradatacenter ${name}`,
      )
    },
  },
  {
    code: 'CSNI813',
    category,
    title: 'TLS to clients is on',
    severity: 'error',
    needs: [],
    perNode: false,
    async run({ datacenter }) {
      if (datacenter.clientEncryption.enabled) return pass()
      return fail(
        'client_encryption_options.enabled is not true in spec.config; without TLS there is no SNI',
        command`kubectl cass-sni install`,
        command`kubectl -n ${datacenter.namespace} edit cassandradatacenter ${datacenter.name}`,
      )
    },
  },
  {
    code: 'CSNI814',
    category,
    title: 'clients without TLS are refused',
    severity: 'warning',
    needs: ['CSNI813'],
    perNode: false,
    async run({ datacenter }) {
      if (!datacenter.clientEncryption.optional) return pass()
      return fail(
        'client_encryption_options.optional is true: whoever reaches a pod may send passwords in the clear',
        command`kubectl -n ${datacenter.namespace} edit cassandradatacenter ${datacenter.name}`,
      )
    },
  },
  {
    code: 'CSNI815',
    category,
    title: 'the node has started',
    severity: 'error',
    needs: [],
    perNode: true,
    async run({ datacenter: { namespace, name } }, node) {
      if (node.terminating)
        return fail('its pod is being deleted', command`kubectl -n ${namespace} get pod ${node.pod}`)
      if (node.replacing)
        return fail(
          'the operator is replacing it',
          command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.status.nodeReplacements}`,
        )
      if (node.state === 'Started' && node.ready) return pass()
      const why =
        node.waiting ??
        (node.state === 'Started'
          ? 'not all of its containers are ready'
          : `the operator's state of it is ${node.state}`)
      return fail(why, command`kubectl -n ${namespace} describe pod ${node.pod}`)
    },
  },
  {
    code: 'CSNI816',
    category,
    title: 'its host id is known',
    severity: 'error',
    needs: ['CSNI815'],
    perNode: true,
    async run({ datacenter: { namespace, name } }, node) {
      if (node.hostId !== undefined) return pass(node.hostId)
      return fail(
        "the datacenter's status has none for it",
        command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.status.nodeStatuses}`,
      )
    },
  },
]
