/** Checks of the address at which clients outside the cluster reach the gateway. */
import { isIP } from 'node:net'
import { parseAddress } from '../connection/dialer.ts'
import { CassSniError, command, hint, type ErrorCode } from '../errors.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'
import { publicDnsNames, settingsOf } from './saved-settings.ts'

const category = 'address'
const OTHER_ADDRESS = hint('to check the address that external clients use, pass --address HOST[:PORT]')

export const ADDRESS_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI851',
    category,
    title: 'gateway has an external address',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: false,
    async run({ given, gateway }) {
      if (given.address !== undefined) return pass(given.address)
      const { addresses, namespace, service, serviceType } = await gateway()
      if (addresses.length > 0) return pass(addresses.join(', '))
      return fail(
        `service/${service} in namespace ${namespace} (type ${serviceType}) has no load balancer address; ` +
          'checked through the API server only',
        command`kubectl -n ${namespace} get service ${service}`,
        OTHER_ADDRESS,
      )
    },
  },
  {
    code: 'CSNI852',
    category,
    title: 'gateway address accepts connections',
    severity: 'error',
    needs: ['CSNI821', 'CSNI822'],
    perNode: false,
    async run({ given, gateway, dialer, port }) {
      if (given.tunnel === true) return skip('not checked with --tunnel')
      const { addresses } = await gateway()
      if (given.address === undefined && addresses.length === 0) return skip('no external address (CSNI851)')
      const unreachable = (reason: string) =>
        fail(reason, OTHER_ADDRESS, hint('if the address is not reachable from here by design, pass --tunnel'))
      try {
        const { address, fallback, dial, describe } = await dialer()
        if (address === undefined)
          return unreachable(`unreachable: ${fallback ?? `port ${port} of ${addresses.join(', ')}`}`)
        const stream = await dial()
        stream.on('error', () => {})
        stream.destroy()
        return pass(describe)
      } catch (error) {
        // Neither the address nor a tunnel works, or the given address does not.
        if (error instanceof CassSniError && (error.code === 'CSNI606' || error.code === 'CSNI601'))
          return unreachable(error.message)
        throw error
      }
    },
  },
  {
    code: 'CSNI853',
    category,
    title: 'load balancer forwards to the gateway',
    severity: 'error',
    needs: ['CSNI828', 'CSNI852'],
    perNode: false,
    async run(probes) {
      const { address, describe } = await probes.dialer()
      if (address === undefined) return skip('connected through the API server')
      const name = probes.datacenter.nodes.find(({ hostId, ready }) => ready && hostId !== undefined)?.hostId
      if (name === undefined) return skip('no host ID is known (CSNI816)')
      const direct = await probes.handshake(name).catch(failedConnection)
      if (!(direct instanceof CassSniError)) return pass()
      const tunneled = await probes.tunneled(name).catch(failedConnection)
      // then it is not the load balancer: other checks report the gateway or the node
      if (tunneled instanceof CassSniError) return skip(`no comparison through the API server: ${tunneled.message}`)
      const { namespace, service, ports } = await probes.gateway()
      const nodePort = ports.find(({ port }) => port === probes.port)?.nodePort
      const target = nodePort === undefined ? 'the gateway pods' : `node port ${nodePort}`
      return fail(
        `${describe} accepts connections and closes them, but the gateway answers through the API server`,
        command`kubectl -n ${namespace} describe service ${service}`,
        hint(`forward TCP, without TLS, from the load balancer to ${target}`),
        hint('with externalTrafficPolicy Local, only worker nodes that run a gateway pod accept connections'),
      )
    },
  },
  {
    code: 'CSNI854',
    category,
    title: 'gateway has a spare pod',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const { pods, namespace, service } = await probes.gateway()
      const ready = pods.filter((pod) => pod.ready && !pod.terminating).length
      if (ready !== 1) return pass(ready === 0 ? 'pods not visible' : `${ready} pods`)
      // the gateway of a laptop has one
      if ((await publicDnsNames(probes)).length === 0) return pass('1 pod, but no public name')
      return fail(
        `service/${service} in namespace ${namespace} has one ready pod: when it stops, every connection closes`,
        hint("set the replicas of the gateway's Deployment, or minReplicas of its HorizontalPodAutoscaler, to 2"),
      )
    },
  },
  {
    code: 'CSNI855',
    category,
    title: 'certificate includes the public names',
    severity: 'warning',
    needs: ['CSNI834'],
    perNode: true,
    async run(probes, node) {
      const { publicNames = [] } = await settingsOf(probes)
      const dialed =
        probes.given.address === undefined ? '' : parseAddress(probes.given.address, probes.port).host.toLowerCase()
      const isName = dialed !== '' && dialed !== 'localhost' && isIP(dialed) === 0
      const names = [...new Set([...publicNames, ...(isName ? [dialed] : [])])]
      if (names.length === 0) return pass('no public name')
      if (node.hostId === undefined) return skip('host ID is not known')
      const { certificate } = await probes.handshake(node.hostId)
      const missing = names.filter((name) => !certificate.names.some((each) => covers(each, name)))
      if (missing.length === 0) return pass(names.join(', '))
      return fail(
        `certificate lacks ${missing.join(', ')}: clients that verify the name of the gateway reject it`,
        command`kubectl cass-sni certs ${names.flatMap((name) => ['--public-name', name])}`,
      )
    },
  },
  {
    code: 'CSNI856',
    category,
    title: 'public names resolve',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: false,
    async run(probes) {
      const names = await publicDnsNames(probes)
      if (names.length === 0) return pass('no public name')
      const unknown = await Promise.all(names.map(async (name) => ((await probes.isUnknownHost(name)) ? [name] : [])))
      if (unknown.flat().length === 0) return pass(names.join(', '))
      const { addresses } = await probes.gateway()
      const target = addresses.length === 0 ? 'the address of the gateway' : addresses.join(', ')
      return fail(
        `unknown host from here: ${unknown.flat().join(', ')}`,
        hint(`create DNS records that point to ${target}, if clients use these names`),
      )
    },
  },
]

/** Whether a name of a certificate, which may be a wildcard for one label, is valid for a host (RFC 6125). */
function covers(name: string, host: string): boolean {
  const pattern = name.toLowerCase()
  return pattern === host || (pattern.startsWith('*.') && host.replace(/^[^.]+/, '*') === pattern)
}

/** Errors of the connection itself, in contrast to what it requires: the CA, for instance. */
const CONNECTION_ERRORS: readonly ErrorCode[] = ['CSNI208', 'CSNI601', 'CSNI602', 'CSNI603', 'CSNI610']

/** Returns the error of a connection that failed. */
function failedConnection(error: unknown): CassSniError {
  if (error instanceof CassSniError && CONNECTION_ERRORS.includes(error.code)) return error
  throw error
}
