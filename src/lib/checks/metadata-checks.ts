/** Checks of the metadata service, which drivers with a secure connect bundle ask first. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { daysUntil } from '../certificates/certificate.ts'
import { leafExpiresSoon } from '../certificates/policies.ts'
import { expired } from '../certificates/reason.ts'
import { hostPort } from '../connection/dialer.ts'
import { CassSniError, command } from '../errors.ts'
import { counted } from '../text/counted.ts'
import { listed } from '../text/listed.ts'
import { authoritiesOf } from './certificate-checks.ts'
import { type Check, fail, pass } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'metadata'
export const METADATA_STATUS = command`kubectl cass-sni routes controller status`
/** CSNI603 for the name of an installed service: the gateway closes connections without a backend. */
export const NO_REPLICA = 'no ready replica, or its route is not loaded'

export const METADATA_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI871',
    category,
    title: 'metadata service responds',
    severity: 'error',
    needs: ['CSNI828', 'CSNI831'],
    perNode: false,
    async run(probes) {
      const { metadataName } = probes
      if (metadataName === undefined) return pass('not installed')
      try {
        await probes.metadata(metadataName)
      } catch (error) {
        if (!(error instanceof CassSniError) || error.code !== 'CSNI603') throw error
        return fail(NO_REPLICA, METADATA_STATUS)
      }
      return pass(metadataName)
    },
  },
  {
    code: 'CSNI872',
    category,
    title: 'metadata has the current host IDs',
    severity: 'error',
    needs: ['CSNI871'],
    perNode: false,
    async run(probes) {
      const { metadataName, datacenter, port } = probes
      if (metadataName === undefined) return pass('not installed')
      const { contactPoints, localDatacenter, sniProxyAddress } = await probes.metadata(metadataName)
      const ready = readyHostIds(datacenter)
      const problems = [
        ...differences('missing', ready, contactPoints),
        ...differences('stale', contactPoints, ready),
        ...expectation('local_dc', datacenter.cassandraName, localDatacenter),
        ...expectation('sni_proxy_address', hostPort(metadataName, port), sniProxyAddress),
      ]
      return problems.length === 0 ? pass(counted(ready.length, 'host ID')) : fail(problems.join('; '), METADATA_STATUS)
    },
  },
  {
    code: 'CSNI873',
    category,
    title: 'metadata certificate is not due',
    severity: 'warning',
    needs: ['CSNI871'],
    perNode: false,
    async run(probes) {
      const { metadataName, now } = probes
      if (metadataName === undefined) return pass('not installed')
      const [{ certificate }, authorities] = await Promise.all([probes.handshake(metadataName), authoritiesOf(probes)])
      const leaf = { notBefore: new Date(certificate.validFrom), notAfter: new Date(certificate.validTo) }
      const reason = expired(leaf, now) ?? leafExpiresSoon(leaf, { authorities, now })
      if (reason === undefined) return pass(`${daysUntil(leaf.notAfter, now)} days left`)
      return fail(reason.message, command`kubectl cass-sni certs`)
    },
  },
]

/** The nodes that accept clients. */
function readyHostIds({ nodes }: Datacenter): string[] {
  return nodes.flatMap(({ hostId, ready, terminating }) =>
    hostId !== undefined && ready && !terminating ? [hostId] : [],
  )
}

function differences(what: 'missing' | 'stale', some: readonly string[], others: readonly string[]): string[] {
  const only = some.filter((each) => !others.includes(each))
  return only.length === 0 ? [] : [`${what} ${only.length === 1 ? 'host ID' : 'host IDs'}: ${listed(only, 3)}`]
}

function expectation(field: string, expected: string, found: string): string[] {
  return expected === found ? [] : [`${field}: expected ${expected}, got ${found}`]
}
