/** Checks of the datacenter itself, from what cass-operator says. */
import { CassSniError, command } from '../errors.ts'
import { counted } from '../text/counted.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
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
          command`kubectl -n ${namespace} patch cassandradatacenter ${name} --type merge
            -p '{"spec":{"stopped":false}}'`,
        )
      if (nodes.length === 0)
        return fail('it has no pods yet', command`kubectl -n ${namespace} describe cassandradatacenter ${name}`)
      if (nodes.length < size)
        return fail(
          `it has ${nodes.length} of ${counted(size, 'node')}`,
          command`kubectl -n ${namespace} describe cassandradatacenter ${name}`,
        )
      return pass(
        `${name} in namespace ${namespace}, ${datacenter.serverType} ${datacenter.serverVersion}, ` +
          counted(size, 'node'),
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
      // What cannot be seen is not off: a missing permission skips this check, and no other one.
      if (datacenter.configurationHidden !== undefined) throw datacenter.configurationHidden
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
    needs: [],
    unless: ['CSNI813'],
    perNode: true,
    async run(probes, node) {
      if (node.state !== 'Started' || !node.ready) return skip('the node has not started (CSNI815)')
      const { namespace, name, nativePort, plaintextPort, clientEncryption } = probes.datacenter
      const edit = command`kubectl -n ${namespace} edit cassandradatacenter ${name}`
      const harm = 'whoever reaches the pod may send passwords in the clear'
      const configured = clientEncryption.optional
        ? 'client_encryption_options.optional is true'
        : plaintextPort === undefined
          ? undefined
          : `native_transport_port_ssl leaves port ${plaintextPort} without TLS`
      const ports = [nativePort, ...(plaintextPort === undefined ? [] : [plaintextPort])]
      let open: number[]
      try {
        const answers = await Promise.all(ports.map((port) => probes.plaintext(node, port)))
        open = ports.filter((_, index) => answers[index])
      } catch (error) {
        if (!(error instanceof CassSniError)) throw error
        // Whoever may not connect to pods is told what the configuration says, if it says anything.
        if (error.code === 'CSNI203' && configured !== undefined) return fail(`${configured}: ${harm}`, edit)
        // No way to the pod (CSNI204: its node is gone), or no answer: nothing was seen.
        if (error.code === 'CSNI204' || error.code === 'CSNI601') return unknown(error.message, ...error.next)
        throw error
      }
      if (open.length === 0) return pass()
      const why = configured === undefined ? '' : ` (${configured})`
      return fail(`CQL without TLS is answered on port ${open.join(' and ')}${why}: ${harm}`, edit)
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
