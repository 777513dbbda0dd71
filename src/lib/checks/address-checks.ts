/** Checks of the address by which clients outside the cluster come to the gateway. */
import { CassSniError, command, hint } from '../errors.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'address'

export const ADDRESS_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI851',
    category,
    title: 'the gateway has an address outside the cluster',
    severity: 'warning',
    needs: ['CSNI821'],
    perNode: false,
    async run({ given, gateway }) {
      if (given.address !== undefined) return pass(given.address)
      const { addresses, namespace, service, serviceType } = await gateway()
      if (addresses.length > 0) return pass(addresses.join(', '))
      return fail(
        `service/${service} in namespace ${namespace} is of type ${serviceType} and has no load balancer ` +
          'address: this was checked through the API server only',
        command`kubectl -n ${namespace} get service ${service}`,
        hint('check the address that clients use: --address HOST[:PORT]'),
      )
    },
  },
  {
    code: 'CSNI852',
    category,
    title: 'the address answers',
    severity: 'error',
    needs: ['CSNI821', 'CSNI822'],
    perNode: false,
    async run({ given, gateway, path, port }) {
      if (given.tunnel === true) return skip('no address is tried with --tunnel')
      const { addresses } = await gateway()
      if (given.address === undefined && addresses.length === 0) return skip('there is none (CSNI851)')
      const nobody = (why: string) =>
        fail(
          why,
          hint('check the address that clients use: --address HOST[:PORT]'),
          hint('leave the address out, if it is not to be reached from here: --tunnel'),
        )
      try {
        const way = await path()
        if (way.address === undefined)
          return nobody(`nobody answers: ${way.fallback ?? `port ${port} of ${addresses.join(', ')}`}`)
        const stream = await way.dial()
        stream.on('error', () => {})
        stream.destroy()
        return pass(way.describe)
      } catch (error) {
        // Neither the address nor a tunnel, or the address that was given.
        if (error instanceof CassSniError && (error.code === 'CSNI606' || error.code === 'CSNI601'))
          return nobody(error.message)
        throw error
      }
    },
  },
]
