/** Checks of the certificates: the authority, and what each node serves through the gateway. */
import { authorityLocation, keystoreObject, OPERATOR_KEYSTORE_PATH } from '../cassandra/authority-secret.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { type AuthorityPath, parseAuthorityPath } from '../certificates/certificate-authority.ts'
import { dateText, daysUntil } from '../certificates/certificate.ts'
import {
  authorityFaults,
  expiresSoon,
  keystoreFaults,
  leafExpiresSoon,
  RENEWAL_DAYS,
} from '../certificates/policies.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { DESTINATION_RULE, PEER_AUTHENTICATION } from '../cluster/resources.ts'
import { policiesFor } from './advice.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'
import { serverNames } from './route-checks.ts'

const category = 'certificates'
const REISSUE = command`kubectl cass-sni certs`
const SIDECAR = 'an Istio sidecar answers instead of Cassandra (CSNI835)'

export const CERTIFICATE_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI831',
    category,
    title: 'the certificate authority is valid',
    severity: 'error',
    needs: [],
    unless: ['CSNI813'],
    perNode: false,
    async run(probes) {
      const { datacenter, given } = probes
      const path = await authorityOf(probes).catch((error: unknown) => {
        // With certificates of another origin (cert-manager's, for instance) there is no such Secret.
        if (error instanceof CassSniError && error.code === 'CSNI204') return error
        throw error
      })
      if (path instanceof CassSniError)
        return unknown(path.message, hint("name the CA that signed the nodes' certificates: --ca FILE"), ...path.next)
      const faults = authorityFaults(path, probes.now)
      if (faults.length === 0) return pass(`until ${dateText(path[0].notAfter)}`)
      const messages = faults.map(({ message }) => message).join('; ')
      if (given.ca !== undefined) return fail(`${given.ca}: ${messages}`)
      return fail(
        `${authorityLocation(datacenter).object}: ${messages}`,
        command`kubectl -n ${datacenter.namespace} get secret ${datacenter.keystores.caSecret}
          -o jsonpath={.data.cert}`,
      )
    },
  },
  {
    code: 'CSNI832',
    category,
    title: `the certificate authority is valid for another ${RENEWAL_DAYS} days`,
    severity: 'warning',
    needs: ['CSNI831'],
    perNode: false,
    async run(probes) {
      const [{ notAfter }] = await authorityOf(probes)
      const soon = expiresSoon({ notAfter }, probes.now)
      return soon === undefined
        ? pass(`${daysUntil(notAfter, probes.now)} days`)
        : fail(soon.message, command`kubectl cass-sni certs ca`)
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
      const results = await served(probes, node)
      const sidecar = results.find(({ certificate }) => certificate.spiffe !== undefined)?.certificate.spiffe
      if (sidecar !== undefined) {
        const { names, look } = await policiesFor(probes, node.pod, [DESTINATION_RULE, PEER_AUTHENTICATION])
        const why = 'the gateway sends without mutual TLS what the sidecar takes only with it'
        const by = names === '' ? '' : ` (${names})`
        return fail(`an Istio sidecar answers instead of Cassandra (${sidecar}): ${why}${by}`, ...look)
      }
      const reason = results.map(({ chainReason }) => chainReason).find((each) => each !== undefined)
      return reason === undefined ? pass() : fail(reason, ...reissue(probes))
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
      const results = await served(probes, node)
      if (results.some(({ certificate }) => certificate.spiffe !== undefined)) return skip(SIDECAR)
      const reasons = results.map(({ nameReason }) => nameReason).filter((each) => each !== undefined)
      return reasons.length === 0 ? pass() : fail(reasons.join('; '), REISSUE)
    },
  },
  {
    code: 'CSNI837',
    category,
    title: `the certificate is valid for another ${RENEWAL_DAYS} days`,
    severity: 'warning',
    needs: ['CSNI835'],
    perNode: true,
    async run(probes, node) {
      const [ca] = await authorityOf(probes)
      const ends = (await served(probes, node)).map(({ certificate }) => new Date(certificate.validTo))
      const notAfter = new Date(Math.min(...ends.map((end) => end.getTime())))
      const soon = leafExpiresSoon({ notAfter }, ca, probes.now)
      return soon === undefined ? pass(`${daysUntil(notAfter, probes.now)} days`) : fail(soon.message, REISSUE)
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
          `the nodes serve ${keystorePath === undefined ? 'no named keystore' : keystorePath}, not the ` +
            'keystore that cass-operator makes',
        )
      const object = keystoreObject(datacenter)
      const input = { ...(await probes.keystore()), authority: await authorityOf(probes), now: probes.now }
      const faults = keystoreFaults(input)
      return faults.length === 0
        ? pass(object)
        : fail(`${object}: ${faults.map(({ message }) => message).join('; ')}`, ...reissue(probes))
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
      const kept = (await probes.keystore()).current?.leaf.fingerprint256
      if (node.hostId === undefined || kept === undefined) return skip('there is nothing to compare')
      const { fingerprint256, spiffe } = (await probes.handshake(node.hostId)).certificate
      if (fingerprint256 === kept) return pass()
      if (spiffe !== undefined) return skip(SIDECAR)
      const object = keystoreObject(probes.datacenter)
      return fail(
        `it serves another certificate (${start(fingerprint256)}) than ${object} holds (${start(kept)}), and ` +
          'changes to that when it restarts',
        REISSUE,
      )
    },
  },
]

/** What the node serves by each of its names; the probes make each handshake once. */
function served(probes: Probes, node: CassandraNode) {
  return Promise.all(serverNames(node).map((name) => probes.handshake(name)))
}

/** With a CA of the user's own, new certificates of the operator's CA are not what helps. */
function reissue({ given }: Probes): NextStep[] {
  if (given.ca === undefined) return [REISSUE]
  return [hint(`compare ${given.ca} (--ca) with the CA of the datacenter`), command`kubectl cass-sni certs ca`]
}

async function authorityOf(probes: Probes): Promise<AuthorityPath> {
  return parseAuthorityPath(await probes.authority(), authorityLocation(probes.datacenter))
}

/** The start of a fingerprint, as `certs` shows it. */
const start = (fingerprint: string) => fingerprint.slice(0, 11)
