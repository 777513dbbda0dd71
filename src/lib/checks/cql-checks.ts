/** End-to-end checks: a login through the gateway, and which node it reaches. */
import { identitySteps } from '../connection/client-identity.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { type Check, fail, type Outcome, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'cql'
const OTHER_ROLE = hint('to log in as another role, pass --username ROLE and set CASS_SNI_PASSWORD')

export const CQL_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI841',
    category,
    title: 'login credentials are available',
    severity: 'error',
    needs: [],
    perNode: false,
    async run(probes) {
      if (probes.given.username !== undefined) return pass(`role ${probes.given.username}`)
      try {
        await probes.credentials()
        return pass(`secret/${probes.datacenter.superuserSecret}`)
      } catch (error) {
        // Without permission to read the Secret the check is skipped; without a Secret its outcome is unknown.
        if (!(error instanceof CassSniError) || error.code !== 'CSNI304' || error.cause !== undefined) throw error
        return unknown(error.message, OTHER_ROLE, ...error.next)
      }
    },
  },
  {
    code: 'CSNI842',
    category,
    title: 'login succeeds by host ID',
    severity: 'error',
    // Requires a verified certificate: a password is sent over this connection.
    needs: ['CSNI835', 'CSNI836', 'CSNI841'],
    perNode: true,
    async run(probes, node) {
      const unknowable = clientCertificate(probes)
      if (unknowable !== undefined) return unknowable
      try {
        await probes.hostIdBehind(node)
        return pass()
      } catch (error) {
        if (!(error instanceof CassSniError) || error.code !== 'CSNI604' || probes.given.username !== undefined)
          throw error
        // The operator's own role may have been disabled, as Cassandra's documentation recommends.
        const { superuserSecret, namespace } = probes.datacenter
        return unknown(
          `the role in secret/${superuserSecret} in namespace ${namespace} cannot log in; it may be disabled or lost ` +
            `with a node if system_auth has one replica: ${error.message}`,
          OTHER_ROLE,
        )
      }
    },
  },
  {
    code: 'CSNI843',
    category,
    title: 'each name reaches its own node',
    severity: 'error',
    needs: ['CSNI842'],
    perNode: true,
    async run(probes, node) {
      const found = await probes.hostIdBehind(node)
      if (found === node.hostId) return pass(found)
      // CSNI823 reports it. Without permission to read the routes, the mismatch is reported here.
      const madeBy = await probes.routes().then((drift) => drift.madeBy, unreadable)
      if (madeBy?.byServerName === false)
        return skip(`routes are in ${madeBy.mode} mode: every name reaches any node (CSNI823)`)
      return fail(
        `expected host ID ${node.hostId ?? '(unknown)'}, got ${found}`,
        command`kubectl cass-sni routes sync`,
        command`kubectl -n ${probes.datacenter.namespace} get service -l cass-sni/pod=${node.pod} -o yaml`,
      )
    },
  },
  {
    code: 'CSNI844',
    category,
    title: 'invalid login is rejected',
    severity: 'error',
    needs: ['CSNI835', 'CSNI836'],
    perNode: true,
    async run(probes, node) {
      const unknowable = clientCertificate(probes)
      if (unknowable !== undefined) return unknowable
      const { namespace, name } = probes.datacenter
      try {
        await probes.invalidLogin(node)
      } catch (error) {
        if (error instanceof CassSniError && error.code === 'CSNI604') return pass()
        throw error
      }
      return fail(
        'a random role and password were accepted: the authenticator allows any login',
        command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.spec.config}`,
      )
    },
  },
  {
    code: 'CSNI845',
    category,
    title: 'client certificate requirement is enforced',
    severity: 'error',
    // Otherwise a node that closes every connection would pass.
    needs: ['CSNI842'],
    perNode: true,
    async run(probes, node) {
      const { namespace, name, clientEncryption } = probes.datacenter
      if (!clientEncryption.requireClientAuth) return pass('not required')
      try {
        await probes.withoutCertificate(node)
      } catch (error) {
        if (error instanceof CassSniError && error.code === 'CSNI610') return pass()
        if (!(error instanceof CassSniError) || error.code !== 'CSNI604') throw error
      }
      return fail(
        'a client without a certificate was not rejected: the node does not enforce it, or has not restarted since',
        command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.status.conditions}`,
      )
    },
  },
]

/** The outcome if clients must present a certificate, and this command has none. */
function clientCertificate({ given, datacenter: { clientEncryption } }: Probes): Outcome | undefined {
  if (!clientEncryption.requireClientAuth || given.identity === true) return undefined
  return unknown(
    'nodes require client certificates (client_encryption_options.require_client_auth), and this command has none',
    ...identitySteps(),
  )
}

/** Ignores a failure to read the routes, which the checks of the routes report. */
function unreadable(error: unknown): undefined {
  if (error instanceof CassSniError) return undefined
  throw error
}
