/** Checks of the datacenter, from what cass-operator reports. */
import { CassSniError, command } from '../errors.ts'
import { counted } from '../text/counted.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'datacenter'

export const DATACENTER_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI811',
    category,
    title: 'all datacenter pods exist',
    severity: 'error',
    needs: [],
    perNode: false,
    async run({ datacenter }) {
      const { name, namespace, stopped, nodes, size } = datacenter
      if (stopped)
        return fail(
          `cassandradatacenter/${name} is stopped (spec.stopped)`,
          command`kubectl -n ${namespace} patch cassandradatacenter ${name} --type merge
            -p '{"spec":{"stopped":false}}'`,
        )
      if (nodes.length === 0)
        return fail(
          `cassandradatacenter/${name} has no pods yet`,
          command`kubectl -n ${namespace} describe cassandradatacenter ${name}`,
        )
      if (nodes.length < size)
        return fail(
          `${nodes.length} of ${counted(size, 'pod')} exist`,
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
    title: 'cass-operator has no pending work',
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
        `cassandraOperatorProgress is ${progress === '' ? 'not set' : `"${progress}"`}${doing}`,
        command`kubectl -n ${namespace} describe cassandradatacenter ${name}`,
      )
    },
  },
  {
    code: 'CSNI813',
    category,
    title: 'client TLS is enabled',
    severity: 'error',
    needs: [],
    perNode: false,
    async run({ datacenter }) {
      // An unreadable configuration is not a disabled one: a missing permission skips this check alone.
      if (datacenter.configurationHidden !== undefined) throw datacenter.configurationHidden
      if (datacenter.clientEncryption.enabled) return pass()
      return fail(
        'client_encryption_options.enabled is not true in spec.config; SNI requires TLS',
        command`kubectl cass-sni install`,
        command`kubectl -n ${datacenter.namespace} edit cassandradatacenter ${datacenter.name}`,
      )
    },
  },
  {
    code: 'CSNI814',
    category,
    title: 'connections without TLS are rejected',
    severity: 'warning',
    needs: [],
    unless: ['CSNI813'],
    perNode: true,
    async run(probes, node) {
      if (node.state !== 'Started' || !node.ready) return skip('node has not started (CSNI815)')
      const { namespace, name, nativePort, plaintextPort, clientEncryption } = probes.datacenter
      const edit = command`kubectl -n ${namespace} edit cassandradatacenter ${name}`
      const harm = 'clients can connect without TLS'
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
        // Without permission to connect to pods, the configuration decides, if it can be read.
        if (error.code === 'CSNI203' && configured !== undefined) return fail(`${configured}: ${harm}`, edit)
        // Pod unreachable (CSNI204: its worker node was removed) or no response: nothing was observed.
        if (error.code === 'CSNI204' || error.code === 'CSNI601') return unknown(error.message, ...error.next)
        throw error
      }
      if (open.length === 0) return pass()
      const why = configured === undefined ? '' : ` (${configured})`
      return fail(`port ${open.join(' and ')} accepts CQL without TLS${why}`, edit)
    },
  },
  {
    code: 'CSNI815',
    category,
    title: 'node has started',
    severity: 'error',
    needs: [],
    perNode: true,
    async run({ datacenter: { namespace, name } }, node) {
      if (node.terminating)
        return fail(`pod/${node.pod} is being deleted`, command`kubectl -n ${namespace} get pod ${node.pod}`)
      if (node.replacing)
        return fail(
          `cass-operator is replacing pod/${node.pod}`,
          command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.status.nodeReplacements}`,
        )
      if (node.state === 'Started' && node.ready) return pass()
      const why =
        node.waiting ??
        (node.state === 'Started' ? `not all containers of pod/${node.pod} are ready` : `node state is ${node.state}`)
      return fail(why, command`kubectl -n ${namespace} describe pod ${node.pod}`)
    },
  },
  {
    code: 'CSNI816',
    category,
    title: 'host ID is known',
    severity: 'error',
    needs: ['CSNI815'],
    perNode: true,
    async run({ datacenter: { namespace, name } }, node) {
      if (node.hostId !== undefined) return pass(node.hostId)
      return fail(
        `no host ID for ${node.pod} in status.nodeStatuses`,
        command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.status.nodeStatuses}`,
      )
    },
  },
]
