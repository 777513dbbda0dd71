/** Checks of the CA and of the certificate that each node serves through the gateway. */
import { authorityLocation, keystoreObject, OPERATOR_KEYSTORE_PATH } from '../cassandra/authority-secret.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { Authorities } from '../certificates/authority-path.ts'
import { authorityFaults } from '../certificates/authority-policies.ts'
import { parseAuthorities } from '../certificates/certificate-authority.ts'
import { dateText, daysUntil } from '../certificates/certificate.ts'
import { keystoreFaults, leafExpiresSoon } from '../certificates/policies.ts'
import { expiresSoon } from '../certificates/reason.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { DESTINATION_RULE, PEER_AUTHENTICATION } from '../cluster/resources.ts'
import { policiesFor } from './advice.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'
import { serverNames } from './route-checks.ts'

const category = 'certificates'
const REISSUE = command`kubectl cass-sni certs`
const SIDECAR = 'an Istio sidecar terminates TLS instead of Cassandra (CSNI835)'

export const CERTIFICATE_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI831',
    category,
    title: 'CA certificate is valid',
    severity: 'error',
    needs: [],
    unless: ['CSNI813'],
    perNode: false,
    async run(probes) {
      const { datacenter, given } = probes
      const authorities = await authoritiesOf(probes).catch((error: unknown) => {
        // Certificates of another origin (cert-manager, for example) have no such Secret.
        if (error instanceof CassSniError && error.code === 'CSNI204') return error
        throw error
      })
      if (authorities instanceof CassSniError)
        return unknown(
          authorities.message,
          hint("to verify with the CA that signed the nodes' certificates, pass --ca FILE"),
          ...authorities.next,
        )
      const faults = authorities.flatMap((path) => authorityFaults(path, probes.now))
      if (faults.length === 0) return pass(`expires ${dateText(authorities[0][0].notAfter)}`)
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
    title: 'CA certificate does not expire soon',
    severity: 'warning',
    needs: ['CSNI831'],
    perNode: false,
    async run(probes) {
      const [[{ notAfter }]] = await authoritiesOf(probes)
      const soon = expiresSoon({ notAfter }, probes.now)
      return soon === undefined
        ? pass(`${daysUntil(notAfter, probes.now)} days left`)
        : fail(soon.message, command`kubectl cass-sni certs ca`)
    },
  },
  {
    code: 'CSNI833',
    category,
    title: 'TLS handshake succeeds by DNS name',
    severity: 'error',
    needs: ['CSNI815', 'CSNI828', 'CSNI831'],
    perNode: true,
    run: async (probes, node) => (await probes.handshake(node.dnsName), pass()),
  },
  {
    code: 'CSNI834',
    category,
    title: 'TLS handshake succeeds by host ID',
    severity: 'error',
    needs: ['CSNI816', 'CSNI828', 'CSNI831'],
    perNode: true,
    async run(probes, node) {
      if (node.hostId === undefined) return skip('host ID is not known')
      await probes.handshake(node.hostId)
      return pass()
    },
  },
  {
    code: 'CSNI835',
    category,
    title: 'certificate chain is valid',
    severity: 'error',
    needs: ['CSNI834'],
    perNode: true,
    async run(probes, node) {
      const results = await served(probes, node)
      const sidecar = results.find(({ certificate }) => certificate.spiffe !== undefined)?.certificate.spiffe
      if (sidecar !== undefined) {
        const { names, inspect } = await policiesFor(probes, node.pod, [DESTINATION_RULE, PEER_AUTHENTICATION])
        const policies = names === '' ? '' : `; check ${names}`
        return fail(
          `an Istio sidecar (${sidecar}) terminates TLS instead of Cassandra: the sidecar requires mutual TLS, and ` +
            `the gateway does not use it${policies}`,
          ...inspect,
        )
      }
      const reason = results.map(({ chainReason }) => chainReason).find((each) => each !== undefined)
      return reason === undefined ? pass() : fail(reason, ...reissue(probes))
    },
  },
  {
    code: 'CSNI836',
    category,
    title: 'certificate includes both names',
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
    title: 'certificate does not expire soon',
    severity: 'warning',
    needs: ['CSNI835'],
    perNode: true,
    async run(probes, node) {
      const [[ca]] = await authoritiesOf(probes)
      const ends = (await served(probes, node)).map(({ certificate }) => new Date(certificate.validTo))
      const notAfter = new Date(Math.min(...ends.map((end) => end.getTime())))
      const soon = leafExpiresSoon({ notAfter }, ca, probes.now)
      return soon === undefined ? pass(`${daysUntil(notAfter, probes.now)} days left`) : fail(soon.message, REISSUE)
    },
  },
  {
    code: 'CSNI838',
    category,
    title: 'keystore Secret is valid',
    severity: 'error',
    // Not per node: a node that cannot start because of its keystore must not hide this check.
    needs: ['CSNI831'],
    perNode: false,
    async run(probes) {
      const { datacenter } = probes
      const { keystorePath } = datacenter.clientEncryption
      if (keystorePath !== OPERATOR_KEYSTORE_PATH)
        return skip(`nodes use ${keystorePath ?? 'an unnamed keystore'}, not the keystore that cass-operator creates`)
      const object = keystoreObject(datacenter)
      const input = { ...(await probes.keystore()), authorities: await authoritiesOf(probes), now: probes.now }
      const faults = keystoreFaults(input)
      return faults.length === 0
        ? pass(object)
        : fail(`${object}: ${faults.map(({ message }) => message).join('; ')}`, ...reissue(probes))
    },
  },
  {
    code: 'CSNI839',
    category,
    title: "node serves the Secret's certificate",
    severity: 'error',
    needs: ['CSNI834', 'CSNI838'],
    perNode: true,
    async run(probes, node) {
      const stored = (await probes.keystore()).current?.leaf.fingerprint256
      if (node.hostId === undefined || stored === undefined) return skip('nothing to compare')
      const { fingerprint256, spiffe } = (await probes.handshake(node.hostId)).certificate
      if (fingerprint256 === stored) return pass()
      if (spiffe !== undefined) return skip(SIDECAR)
      const object = keystoreObject(probes.datacenter)
      return fail(
        `serves certificate ${start(fingerprint256)} but ${object} holds ${start(stored)}, which takes effect on ` +
          'restart',
        REISSUE,
      )
    },
  },
]

/** The handshakes with each name of the node; the probes make each of them once. */
function served(probes: Probes, node: CassandraNode) {
  return Promise.all(serverNames(node).map((name) => probes.handshake(name)))
}

/** Reissuing does not help against a CA given with --ca, which did not sign the certificates. */
function reissue({ given }: Probes): NextStep[] {
  if (given.ca === undefined) return [REISSUE]
  return [hint(`compare ${given.ca} (--ca) with the CA of the datacenter`), command`kubectl cass-sni certs ca`]
}

async function authoritiesOf(probes: Probes): Promise<Authorities> {
  return parseAuthorities(await probes.authority(), authorityLocation(probes.datacenter))
}

/** The start of a fingerprint, as `certs` shows it. */
const start = (fingerprint: string) => fingerprint.slice(0, 11)
