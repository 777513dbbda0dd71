/** Checks of the routes from the gateway to each node. */
import { randomUUID } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { tcpPort } from '../istio/gateways.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { envoyCluster } from '../routes/sni-names.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'routes'
const SYNC = command`kubectl cass-sni routes sync`
const SYNC_BY_NAME = command`kubectl cass-sni routes sync --mode sni`

export const ROUTE_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI821',
    category,
    title: 'gateway pods are ready',
    severity: 'error',
    needs: [],
    perNode: false,
    async run(probes) {
      const gateway = await probes.gateway()
      const ready = gateway.pods.filter((pod) => pod.ready && !pod.terminating)
      const named = `service/${gateway.service} in namespace ${gateway.namespace}`
      if (ready.length > 0) return pass(`${named}, ${ready.length} ${ready.length === 1 ? 'pod' : 'pods'}`)
      // pods of other implementations may run elsewhere; the status of the Gateway is part of CSNI823
      if (gateway.resource !== undefined && gateway.object === undefined)
        return pass(`Gateway ${gateway.resource}, pods not visible`)
      const selector = Object.entries(gateway.selector).map(([key, value]) => `${key}=${value}`)
      const none =
        gateway.pods.length === 0 ? `${named} has no pods` : `no ready pods for ${named} (0/${gateway.pods.length})`
      return fail(none, command`kubectl -n ${gateway.namespace} get pods -l ${selector.join(',')}`)
    },
  },
  {
    code: 'CSNI822',
    category,
    title: 'gateway Service has the CQL port',
    severity: 'error',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const gateway = await probes.gateway()
      const sameNumber = gateway.ports.filter((each) => each.port === probes.port)
      const named = `service/${gateway.service} in namespace ${gateway.namespace}`
      if (sameNumber.length === 0) return fail(`${named} has no port ${probes.port}`, SYNC)
      if (tcpPort(gateway, probes.port) === undefined)
        return fail(
          `port ${probes.port} of ${named} is ${sameNumber.map(({ protocol }) => protocol).join(' and ')}, not TCP`,
          command`kubectl -n ${gateway.namespace} edit service ${gateway.service}`,
        )
      return pass(`port ${probes.port}`)
    },
  },
  {
    code: 'CSNI823',
    category,
    title: 'shared route objects are in sync',
    severity: 'error',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      await probes.refuseIgnored()
      const { madeBy, shared, nothing } = await probes.routes()
      if (!madeBy.byServerName)
        return fail(`routes are in ${madeBy.mode} mode: every name reaches any node`, SYNC_BY_NAME)
      if (nothing) return skip('no node has a host ID yet')
      return shared.length === 0 ? pass() : fail(shared.join('; '), SYNC)
    },
  },
  {
    code: 'CSNI824',
    category,
    title: 'route is in sync',
    severity: 'error',
    needs: ['CSNI816', 'CSNI821'],
    perNode: true,
    async run(probes, node) {
      const { madeBy, differences, pending } = await probes.routes()
      if (!madeBy.byServerName) return skip(`routes are in ${madeBy.mode} mode (CSNI823)`)
      const waiting = pending.get(node.pod)
      if (waiting !== undefined) return fail(`not routed: ${waiting}`, SYNC)
      const found = differences.get(node.pod) ?? []
      return found.length === 0 ? pass() : fail(found.join('; '), SYNC)
    },
  },
  {
    code: 'CSNI825',
    category,
    title: 'no stale routes',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const { vanished, nothing } = await probes.routes()
      if (nothing) return skip('no node has a host ID yet')
      return vanished.length === 0 ? pass() : fail(`routes of removed nodes: ${vanished.join(', ')}`, SYNC)
    },
  },
  {
    code: 'CSNI826',
    category,
    title: 'no conflicting Gateways or routes',
    severity: 'error',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const [first, ...more] = await probes.conflicts()
      if (first === undefined) return pass()
      return fail(more.length === 0 ? first.message : `${first.message} (and ${more.length} more)`, ...first.next)
    },
  },
  {
    code: 'CSNI827',
    category,
    title: 'route is loaded in gateway pods',
    severity: 'error',
    needs: ['CSNI824'],
    perNode: true,
    async run(probes, node) {
      const upstream = envoyCluster(probes.upstream(node))
      const loaded = await probes.loaded().catch((error: unknown) => {
        // An Envoy admin interface that does not respond proves nothing about the routes.
        if (error instanceof CassSniError && (error.code === 'CSNI601' || error.code === 'CSNI204')) return error
        throw error
      })
      if (loaded instanceof CassSniError) return unknown(loaded.message, ...loaded.next)
      if (loaded.length === 0) return skip('the gateway is not an Envoy of Istio')
      const wrong = loaded.flatMap(({ pod, upstreams, error }) => {
        const refused = error === undefined ? '' : ` (last configuration rejected: ${error})`
        return serverNames(node).flatMap((name) => {
          const found = upstreams.get(name)
          if (found === upstream) return []
          return found === undefined
            ? [`Envoy of pod/${pod} has no route for ${name}${refused}`]
            : [`Envoy of pod/${pod} routes ${name} to ${found}${refused}`]
        })
      })
      if (wrong.length === 0) return pass()
      const { namespace, pods } = await probes.gateway()
      return fail(
        wrong.join('; '),
        command`istioctl proxy-config listeners ${pods[0]?.name ?? ''} -n ${namespace} --port ${probes.port}`,
        command`istioctl proxy-status`,
      )
    },
  },
  {
    code: 'CSNI828',
    category,
    title: 'gateway is reachable from here',
    severity: 'error',
    // Through a tunnel, a port without a listener is detected only later.
    needs: ['CSNI821', 'CSNI822'],
    perNode: false,
    async run(probes) {
      const { dial, describe } = await probes.dialer()
      const stream = await dial()
      stream.on('error', () => {})
      stream.destroy()
      return pass(describe)
    },
  },
  {
    code: 'CSNI829',
    category,
    title: 'unknown server names are rejected',
    severity: 'warning',
    needs: ['CSNI828'],
    // In tcp mode every server name is routed.
    unless: ['CSNI823'],
    perNode: false,
    async run(probes) {
      try {
        const fingerprint = await probes.servedFor(randomUUID())
        const { namespace, pods } = await probes.gateway()
        return fail(
          `a random server name is accepted (certificate ${fingerprint.slice(0, 11)}): a client with a wrong name ` +
            'is not rejected',
          command`istioctl proxy-config listeners ${pods[0]?.name ?? ''} -n ${namespace} --port ${probes.port}`,
        )
      } catch (error) {
        // Closed, or ended by a TLS alert.
        if (error instanceof CassSniError && (error.code === 'CSNI603' || error.code === 'CSNI602')) return pass()
        throw error
      }
    },
  },
]

/** The SNI names of a node, lower-case. */
export function serverNames(node: CassandraNode): string[] {
  return [node.dnsName, node.hostId].filter((name) => name !== undefined).map((name) => name.toLowerCase())
}
