/** Checks of the address at which clients outside the cluster reach the gateway. */
import { CassSniError, command, hint } from '../errors.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'

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
]
