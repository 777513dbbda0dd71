/** Checks of the certificates: the authority, and what each node serves through the gateway. */
import { shell } from '../errors.ts'
import { X509Certificate } from 'node:crypto'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'
import { serverNames } from './routes.ts'

const category = 'certificates'
const SOON_DAYS = 30
const DAY_MS = 86_400_000
const REISSUE = 'kubectl cass-sni certs'

export const CERTIFICATE_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI831',
    category,
    title: 'the certificate authority is valid',
    severity: 'error',
    needs: ['CSNI813'],
    perNode: false,
    async run(probes) {
      const { datacenter, now } = probes
      const authority = new X509Certificate(await probes.authority())
      const look = shell`kubectl -n ${datacenter.namespace} get secret ${datacenter.keystores.caSecret} -o jsonpath={.data.cert}`
      if (now >= authority.validToDate.getTime()) return fail(`it expired on ${day(authority.validToDate)}: no driver accepts any certificate of it`, look)
      if (now < authority.validFromDate.getTime()) return fail(`it is valid only from ${day(authority.validFromDate)} (or this machine's clock is wrong)`, look)
      return pass(`until ${day(authority.validToDate)}`)
    },
  },
  {
    code: 'CSNI832',
    category,
    title: `the certificate authority is valid for another ${SOON_DAYS} days`,
    severity: 'warning',
    needs: ['CSNI831'],
    perNode: false,
    async run(probes) {
      const left = daysLeft(new X509Certificate(await probes.authority()).validToDate, probes.now)
      return left >= SOON_DAYS ? pass(`${left} days`) : fail(`it expires in ${left} ${left === 1 ? 'day' : 'days'}`, 'kubectl cass-sni certs ca')
    },
  },
  {
    code: 'CSNI833',
    category,
    title: 'TLS by DNS name',
    severity: 'error',
    needs: ['CSNI815', 'CSNI828', 'CSNI831'],
    perNode: true,
    run: async (probes, node) => (await probes.handshake(node.dnsName), pass()),
  },
  {
    code: 'CSNI834',
    category,
    title: 'TLS by host id',
    severity: 'error',
    needs: ['CSNI816', 'CSNI828', 'CSNI831'],
    perNode: true,
    async run(probes, node) {
      if (node.hostId === undefined) return skip('its host id is not known')
      await probes.handshake(node.hostId)
      return pass()
    },
  },
  {
    code: 'CSNI835',
    category,
    title: 'the chain verifies against the certificate authority',
    severity: 'error',
    needs: ['CSNI834'],
    perNode: true,
    async run(probes, node) {
      const reason = (await served(probes, node)).map(({ chainReason }) => chainReason).find((each) => each !== undefined)
      return reason === undefined ? pass() : fail(reason, REISSUE)
    },
  },
  {
    code: 'CSNI836',
    category,
    title: 'the certificate carries both names',
    severity: 'error',
    needs: ['CSNI833', 'CSNI834'],
    perNode: true,
    async run(probes, node) {
      const reasons = (await served(probes, node)).map(({ nameReason }) => nameReason).filter((each) => each !== undefined)
      return reasons.length === 0 ? pass() : fail(reasons.join('; '), REISSUE)
    },
  },
  {
    code: 'CSNI837',
    category,
    title: `the certificate is valid for another ${SOON_DAYS} days`,
    severity: 'warning',
    needs: ['CSNI835'],
    perNode: true,
    async run(probes, node) {
      const ends = (await served(probes, node)).map(({ certificate }) => new Date(certificate.validTo))
      const left = Math.min(...ends.map((end) => daysLeft(end, probes.now)))
      return left >= SOON_DAYS ? pass(`${left} days`) : fail(`it expires in ${left} ${left === 1 ? 'day' : 'days'}`, REISSUE)
    },
  },
]

/** What the node serves by each of its names; the probes make each handshake once. */
function served(probes: Probes, node: CassandraNode) {
  return Promise.all(serverNames(node).map((name) => probes.handshake(name)))
}

const day = (date: Date) => date.toISOString().slice(0, 10)
const daysLeft = (end: Date, now: number) => Math.max(0, Math.floor((end.getTime() - now) / DAY_MS))
