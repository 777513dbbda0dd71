/** Checks of the whole way: login through the gateway, and who answers. */
import { CassSniError, command } from '../errors.ts'
import { type Check, fail, pass, skip } from './check.ts'
import type { Probes } from './probes.ts'

const category = 'cql'

export const CQL_CHECKS: readonly Check<Probes>[] = [
  {
    code: 'CSNI841',
    category,
    title: "the superuser's login can be read",
    severity: 'error',
    needs: [],
    perNode: false,
    run: async (probes) => (await probes.credentials(), pass(`secret/${probes.datacenter.superuserSecret}`)),
  },
  {
    code: 'CSNI842',
    category,
    title: 'login by host id',
    severity: 'error',
    // Never without a verified certificate: a password goes over this connection.
    needs: ['CSNI835', 'CSNI836', 'CSNI841'],
    perNode: true,
    run: async (probes, node) => (await probes.hostIdBehind(node), pass()),
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
      if (await probes.routes().then(({ mode }) => mode === 'tcp', notSeen))
        return skip('CSNI823 failed: the routes are in tcp mode, so that any node answers')
      return fail(
        `asked for ${node.hostId ?? 'no host id'}, ${found} answered`,
        command`kubectl cass-sni routes sync`,
        command`kubectl -n ${probes.datacenter.namespace} get service -l cass-sni/pod=${node.pod} -o yaml`,
      )
    },
  },
]

/** Routes that cannot be read explain nothing; the checks of the routes tell why they cannot. */
function notSeen(error: unknown): false {
  if (error instanceof CassSniError) return false
  throw error
}
