/** Checks of the whole way: login through the gateway, and who answers. */
import { CassSniError, command, hint } from '../errors.ts'
import { type Check, fail, type Outcome, pass, skip, unknown } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'cql'
const OTHER_ROLE = hint('log in as another role: --username ROLE, with its password in CASS_SNI_PASSWORD')

export const CQL_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI841',
    category,
    title: 'there is a login',
    severity: 'error',
    needs: [],
    perNode: false,
    async run(probes) {
      if (probes.given.username !== undefined) return pass(`role ${probes.given.username}`)
      try {
        await probes.credentials()
        return pass(`secret/${probes.datacenter.superuserSecret}`)
      } catch (error) {
        // Whoever may not read the Secret is told so by a skip; without a Secret nobody knows what logs in here.
        if (!(error instanceof CassSniError) || error.code !== 'CSNI304' || error.cause !== undefined) throw error
        return unknown(error.message, OTHER_ROLE, ...error.next)
      }
    },
  },
  {
    code: 'CSNI842',
    category,
    title: 'login by host id',
    severity: 'error',
    // Never without a verified certificate: a password goes over this connection.
    needs: ['CSNI835', 'CSNI836', 'CSNI841'],
    perNode: true,
    async run(probes, node) {
      const hidden = clientCertificate(probes)
      if (hidden !== undefined) return hidden
      try {
        await probes.hostIdBehind(node)
        return pass()
      } catch (error) {
        if (!(error instanceof CassSniError) || error.code !== 'CSNI604' || probes.given.username !== undefined)
          throw error
        // The operator's own role may have been disabled, as Cassandra's documentation recommends.
        const { superuserSecret, namespace } = probes.datacenter
        return unknown(
          `the role in secret/${superuserSecret} in namespace ${namespace} cannot log in, it may be disabled: ` +
            `${error.message}`,
          OTHER_ROLE,
        )
      }
    },
  },
  {
    code: 'CSNI843',
    category,
    title: 'the node that answers is the one asked for',
    severity: 'error',
    needs: ['CSNI842'],
    perNode: true,
    async run(probes, node) {
      const found = await probes.hostIdBehind(node)
      if (found === node.hostId) return pass(found)
      // Told once, by CSNI823. Who may not read the routes is told what happened.
      const madeBy = await probes.routes().then((drift) => drift.madeBy, notSeen)
      if (madeBy?.byServerName === false)
        return skip(`CSNI823 failed: the routes are in ${madeBy.mode} mode, so that any node answers`)
      return fail(
        `asked for ${node.hostId ?? 'no host id'}, ${found} answered`,
        command`kubectl cass-sni routes sync`,
        command`kubectl -n ${probes.datacenter.namespace} get service -l cass-sni/pod=${node.pod} -o yaml`,
      )
    },
  },
  {
    code: 'CSNI844',
    category,
    title: 'a made-up login is refused',
    severity: 'error',
    needs: ['CSNI835', 'CSNI836'],
    perNode: true,
    async run(probes, node) {
      const hidden = clientCertificate(probes)
      if (hidden !== undefined) return hidden
      const { namespace, name } = probes.datacenter
      try {
        await probes.madeUpLogin(node)
      } catch (error) {
        if (error instanceof CassSniError && error.code === 'CSNI604') return pass()
        throw error
      }
      return fail(
        'a role that does not exist logged in with a made-up password: the authenticator lets everybody in',
        command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.spec.config}`,
      )
    },
  },
]

/** Where every client must show a certificate there is no login without one. */
function clientCertificate({ datacenter: { namespace, name, clientEncryption } }: Probes): Outcome | undefined {
  if (!clientEncryption.requireClientAuth) return undefined
  return unknown(
    'clients must show a certificate (client_encryption_options.require_client_auth is true), and this command ' +
      'has none',
    command`kubectl -n ${namespace} get cassandradatacenter ${name} -o jsonpath={.spec.config}`,
  )
}

/** Routes that cannot be read explain nothing; the checks of the routes tell why they cannot. */
function notSeen(error: unknown): undefined {
  if (error instanceof CassSniError) return undefined
  throw error
}
