/** Checks of the certificates: the authority, and what each node serves through the gateway. */
import { command } from '../errors.ts'
import { X509Certificate } from 'node:crypto'
import { keystoreObject, OPERATOR_KEYSTORE_PATH } from '../cassandra/authority-secret.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { signedBy } from '../certificates/certificate-authority.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'
import { serverNames } from './route-checks.ts'

const category = 'certificates'
const SOON_DAYS = 30
const DAY_MS = 86_400_000
const REISSUE = command`kubectl cass-sni certs`

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
      const look = command`kubectl -n ${datacenter.namespace} get secret ${datacenter.keystores.caSecret} -o jsonpath={.data.cert}`
      if (now >= authority.validToDate.getTime())
        return fail(`it expired on ${day(authority.validToDate)}: no driver accepts any certificate of it`, look)
      if (now < authority.validFromDate.getTime())
        return fail(`it is valid only from ${day(authority.validFromDate)} (or this machine's clock is wrong)`, look)
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
      return left >= SOON_DAYS
        ? pass(`${left} days`)
        : fail(`it expires in ${left} ${left === 1 ? 'day' : 'days'}`, command`kubectl cass-sni certs ca`)
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
      const reason = (await served(probes, node))
        .map(({ chainReason }) => chainReason)
        .find((each) => each !== undefined)
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
      const reasons = (await served(probes, node))
        .map(({ nameReason }) => nameReason)
        .filter((each) => each !== undefined)
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
      return left >= SOON_DAYS
        ? pass(`${left} days`)
        : fail(`it expires in ${left} ${left === 1 ? 'day' : 'days'}`, REISSUE)
    },
  },
  {
    code: 'CSNI838',
    category,
    title: 'the keystore in the Secret is good for a restart',
    severity: 'error',
    // Of no node: a node that does not start for its keystore's sake must not hide this.
    needs: ['CSNI831'],
    perNode: false,
    async run(probes) {
      const { datacenter } = probes
      const { keystorePath } = datacenter.clientEncryption
      if (keystorePath !== OPERATOR_KEYSTORE_PATH)
        return skip(
          `the nodes serve ${keystorePath === undefined ? 'no named keystore' : keystorePath}, not the keystore that cass-operator makes`,
        )
      const current = await probes.keystore()
      const object = keystoreObject(datacenter)
      if (current === undefined) return fail(`the keystore in ${object} holds no certificate with a key`, REISSUE)
      if (!current.keyFits)
        return fail(
          `the private key in ${object} does not open with the configured password, or belongs to another certificate`,
          REISSUE,
        )
      if (!signedBy(current.leaf.x509, new X509Certificate(await probes.authority())))
        return fail(`the certificate in ${object} was signed by another authority: ${current.leaf.issuer}`, REISSUE)
      return pass(object)
    },
  },
  {
    code: 'CSNI839',
    category,
    title: "the node serves the Secret's certificate",
    severity: 'error',
    needs: ['CSNI834', 'CSNI838'],
    perNode: true,
    async run(probes, node) {
      const kept = (await probes.keystore())?.leaf.fingerprint256
      if (node.hostId === undefined || kept === undefined) return skip('there is nothing to compare')
      const { fingerprint256 } = (await probes.handshake(node.hostId)).certificate
      if (fingerprint256 === kept) return pass()
      const object = keystoreObject(probes.datacenter)
      return fail(
        `it serves another certificate (${start(fingerprint256)}) than ${object} holds (${start(kept)}), and changes to that when it restarts`,
        REISSUE,
      )
    },
  },
]

/** What the node serves by each of its names; the probes make each handshake once. */
function served(probes: Probes, node: CassandraNode) {
  return Promise.all(serverNames(node).map((name) => probes.handshake(name)))
}

/** The start of a fingerprint, as `certs` shows it. */
const start = (fingerprint: string) => fingerprint.slice(0, 11)
const day = (date: Date) => date.toISOString().slice(0, 10)
const daysLeft = (end: Date, now: number) => Math.max(0, Math.floor((end.getTime() - now) / DAY_MS))
