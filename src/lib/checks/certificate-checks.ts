/** Checks of the CA and of the certificate that each node serves through the gateway. */
import { authorityLocation, keystoreObject, OPERATOR_KEYSTORE_PATH } from '../cassandra/authority-secret.ts'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { Authorities } from '../certificates/authority-path.ts'
import { authorityFaults, isReplaceable } from '../certificates/authority-policies.ts'
import { parseAuthorities } from '../certificates/certificate-authority.ts'
import { dateText, daysUntil, signedBy } from '../certificates/certificate.ts'
import { keystoreFaults } from '../certificates/policies.ts'
import { expiresSoon, type Reason } from '../certificates/reason.ts'
import {
  notServed,
  type ServedHandshake,
  servedBySidecar,
  servedExpiresSoon,
  untrustedChain,
  wrongNames,
} from '../certificates/served-policies.ts'
import type { HandshakeResult } from '../connection/tls.ts'
import { CassSniError, command, hint, type NextStep } from '../errors.ts'
import { DESTINATION_RULE, PEER_AUTHENTICATION } from '../cluster/resources.ts'
import { policiesFor } from './advice.ts'
import { type Check, fail, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'
import { serverNames } from './route-checks.ts'
import { settingsOf } from './saved-settings.ts'

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
        faults.every(({ code }) => code === 'Expired')
          ? command`kubectl cass-sni certs rotate-ca --expired`
          : faults.every(isReplaceable)
            ? command`kubectl cass-sni certs rotate-ca`
            : command`kubectl -n ${datacenter.namespace} get secret ${datacenter.keystores.caSecret}
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
      if (soon === undefined) return pass(`${daysUntil(notAfter, probes.now)} days left`)
      return fail(soon.message, ...(probes.given.ca === undefined ? [command`kubectl cass-sni certs rotate-ca`] : []))
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
      const handshakes = await served(probes, node)
      const sidecar = servedBySidecar({ handshakes })
      if (sidecar !== undefined) {
        const { names, inspect } = await policiesFor(probes, node.pod, [DESTINATION_RULE, PEER_AUTHENTICATION])
        const policies = names === '' ? '' : `; check ${names}`
        return fail(
          `${sidecar.message}: the sidecar requires mutual TLS, and the gateway does not use it${policies}`,
          ...inspect,
        )
      }
      const reason = untrustedChain({ handshakes })
      return reason === undefined ? pass() : fail(reason.message, ...reissue(probes))
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
      const handshakes = await served(probes, node)
      if (servedBySidecar({ handshakes }) !== undefined) return skip(SIDECAR)
      const reason = wrongNames({ handshakes, names: (await settingsOf(probes)).names })
      return reason === undefined ? pass() : fail(reason.message, REISSUE)
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
      const [handshakes, authorities, { renewBeforeMs }] = await Promise.all([
        served(probes, node),
        authoritiesOf(probes),
        settingsOf(probes),
      ])
      const soon = servedExpiresSoon({ handshakes, authorities, renewBeforeMs, now: probes.now })
      const ends = handshakes.map(({ certificate }) => new Date(certificate.validTo).getTime())
      return soon === undefined
        ? pass(`${daysUntil(new Date(Math.min(...ends)), probes.now)} days left`)
        : fail(soon.message, REISSUE)
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
        : fail(`${object}: ${faults.map(({ message }) => message).join('; ')}`, ...remedies(probes, faults))
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
      const stored = (await probes.keystore()).current?.leaf
      if (node.hostId === undefined || stored === undefined) return skip('nothing to compare')
      const handshakes = [{ serverName: node.hostId, ...(await probes.handshake(node.hostId)) }]
      if (servedBySidecar({ handshakes }) !== undefined) return skip(SIDECAR)
      const { fingerprint256 } = stored
      const reason = notServed({ handshakes, stored: { fingerprint256, object: keystoreObject(probes.datacenter) } })
      return reason === undefined
        ? pass()
        : fail(`${reason.message}; Cassandra rereads its keystore every 10 minutes`, REISSUE)
    },
  },
]

/** The handshakes with each name of the node; the probes make each of them once. */
export function served(probes: Probes, node: CassandraNode): Promise<(ServedHandshake & HandshakeResult)[]> {
  return Promise.all(
    serverNames(node).map(async (serverName) => ({ serverName, ...(await probes.handshake(serverName)) })),
  )
}

/** A CA that cannot sign the names must be replaced first. */
function remedies(probes: Probes, faults: readonly Reason[]): NextStep[] {
  const isOfAuthority = probes.given.ca === undefined && faults.some(({ code }) => code === 'NameConstraints')
  return isOfAuthority ? [command`kubectl cass-sni certs rotate-ca`] : reissue(probes)
}

/** Reissuing does not help against a CA given with --ca, which did not sign the certificates. */
function reissue({ given }: Probes): NextStep[] {
  if (given.ca === undefined) return [REISSUE]
  return [hint(`compare ${given.ca} (--ca) with the CA of the datacenter`), command`kubectl cass-sni certs ca`]
}

/**
 * The CAs to trust. Of a file with --ca, which may have others too, the one that signed the keystore's certificate; the
 * first if that cannot be read. Throws CSNI203, CSNI204, CSNI401.
 */
export async function authoritiesOf(probes: Probes): Promise<Authorities> {
  const authorities = parseAuthorities(await probes.authority(), authorityLocation(probes.datacenter))
  if (probes.given.ca === undefined || authorities.length === 1) return authorities
  const leaf = await probes.keystore().then(
    ({ current }) => current?.leaf,
    (error: unknown) => {
      if (error instanceof CassSniError) return undefined
      throw error
    },
  )
  const signer = leaf && authorities.find(([ca]) => signedBy(leaf.x509, ca.x509))
  return [signer ?? authorities[0]]
}
