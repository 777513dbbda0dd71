/** Checks of the way from the gateway to each node. */
import { randomUUID } from 'node:crypto'
import { CassSniError, command } from '../errors.ts'
import { tcpPort } from '../istio/gateways.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { envoyCluster } from '../routes/sni-names.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'routes'
const SYNC = command`kubectl cass-sni routes sync`

export const ROUTE_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI821',
    category,
    title: 'the ingress gateway has a ready pod',
    severity: 'error',
    needs: [],
    perNode: false,
    async run(probes) {
      const gateway = await probes.gateway()
      const ready = gateway.pods.filter((pod) => pod.ready && !pod.terminating)
      const named = `service/${gateway.service} in namespace ${gateway.namespace}`
      if (ready.length > 0) return pass(`${named}, ${ready.length} ${ready.length === 1 ? 'pod' : 'pods'}`)
      const selector = Object.entries(gateway.selector).map(([key, value]) => `${key}=${value}`)
      const none =
        gateway.pods.length === 0
          ? `${named} has no pod`
          : `none of the ${gateway.pods.length} pods of ${named} is ready`
      return fail(none, command`kubectl -n ${gateway.namespace} get pods -l ${selector.join(',')}`)
    },
  },
  {
    code: 'CSNI822',
    category,
    title: "the gateway's Service has the port for CQL",
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
          `port ${probes.port} of ${named} is for ${sameNumber.map(({ protocol }) => protocol).join(' and ')}`,
          command`kubectl -n ${gateway.namespace} edit service ${gateway.service}`,
        )
      return pass(`port ${probes.port}`)
    },
  },
  {
    code: 'CSNI823',
    category,
    title: 'what all routes share is as it should be',
    severity: 'error',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      await probes.heeded()
      const { madeBy, shared, nothing } = await probes.routes()
      if (!madeBy.byServerName)
        return fail(
          `the routes are in ${madeBy.mode} mode: nodes are not addressed one by one, any of them answers`,
          SYNC,
        )
      if (nothing) return skip('no node can be routed yet')
      return shared.length === 0 ? pass() : fail(shared.join('; '), SYNC)
    },
  },
  {
    code: 'CSNI824',
    category,
    title: 'the route is in sync',
    severity: 'error',
    needs: ['CSNI816', 'CSNI821'],
    perNode: true,
    async run(probes, node) {
      const { madeBy, differences, pending } = await probes.routes()
      if (!madeBy.byServerName) return skip(`CSNI823 failed: the routes are in ${madeBy.mode} mode`)
      const waiting = pending.get(node.pod)
      if (waiting !== undefined) return fail(`it is left out: ${waiting}`, SYNC)
      const found = differences.get(node.pod) ?? []
      return found.length === 0 ? pass() : fail(found.join('; '), SYNC)
    },
  },
  {
    code: 'CSNI825',
    category,
    title: 'no route of a vanished node is left',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const { vanished, nothing } = await probes.routes()
      if (nothing) return skip('no node can be routed yet')
      return vanished.length === 0 ? pass() : fail(`left over: ${vanished.join(', ')}`, SYNC)
    },
  },
  {
    code: 'CSNI826',
    category,
    title: 'no other Gateway or route is in the way',
    severity: 'error',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const [first, ...more] = await probes.conflicts()
      if (first === undefined) return pass()
      return fail(more.length === 0 ? first.message : `${first.message}; and ${more.length} more`, ...first.next)
    },
  },
  {
    code: 'CSNI827',
    category,
    title: 'the route is loaded in every gateway pod',
    severity: 'error',
    needs: ['CSNI824'],
    perNode: true,
    async run(probes, node) {
      const upstream = envoyCluster(probes.upstream(node))
      const loaded = await probes.loaded().catch((error: unknown) => {
        // An admin interface that does not answer says nothing of the routes.
        if (error instanceof CassSniError && (error.code === 'CSNI601' || error.code === 'CSNI204')) return error
        throw error
      })
      if (loaded instanceof CassSniError) return unknown(loaded.message, ...loaded.next)
      const wrong = loaded.flatMap(({ pod, upstreams, error }) => {
        const refused = error === undefined ? '' : ` (it refused its last configuration: ${error})`
        return serverNames(node).flatMap((name) => {
          const found = upstreams.get(name)
          if (found === upstream) return []
          return found === undefined
            ? [`Envoy of pod/${pod} has no route for ${name}${refused}`]
            : [`Envoy of pod/${pod} sends ${name} to ${found}${refused}`]
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
    title: 'a client gets to the gateway',
    severity: 'error',
    // Through a tunnel a port that nobody listens on is noticed only later.
    needs: ['CSNI821', 'CSNI822'],
    perNode: false,
    async run(probes) {
      const path = await probes.path()
      const stream = await path.dial()
      stream.on('error', () => {})
      stream.destroy()
      return pass(path.describe)
    },
  },
  {
    code: 'CSNI829',
    category,
    title: 'a name without a route is refused',
    severity: 'warning',
    needs: ['CSNI828'],
    // Where server names are not looked at, no name is without a route.
    unless: ['CSNI823'],
    perNode: false,
    async run(probes) {
      try {
        const fingerprint = await probes.servedFor(randomUUID())
        const { namespace, pods } = await probes.gateway()
        return fail(
          `something answers for a made-up name (certificate ${fingerprint.slice(0, 11)}): a client with a ` +
            'wrong name gets somewhere',
          command`istioctl proxy-config listeners ${pods[0]?.name ?? ''} -n ${namespace} --port ${probes.port}`,
        )
      } catch (error) {
        // Closed, or broken off with an alert.
        if (error instanceof CassSniError && (error.code === 'CSNI603' || error.code === 'CSNI602')) return pass()
        throw error
      }
    },
  },
]

/** The names by which a client asks for a node, lower-case. */
export function serverNames(node: CassandraNode): string[] {
  return [node.dnsName, node.hostId].filter((name) => name !== undefined).map((name) => name.toLowerCase())
}
