/** Client certificates of the CA that a rotation replaces: nodes reject them once it is finished. */
import type { Datacenter } from '../../cassandra/datacenter.ts'
import type { AuthorityPath } from '../../certificates/authority-path.ts'
import { signedBy } from '../../certificates/certificate.ts'
import { unless } from '../../cluster/unless.ts'
import { again, CassSniError, command, hint, type NextStep } from '../../errors.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import { storedClients, type StoredClient } from '../find-identity.ts'

/** The valid ones in Secrets of `certs issue-client`; none without permission to list Secrets. */
export async function previousClients(
  context: WorkflowContext,
  dc: Datacenter,
  [previous]: AuthorityPath,
): Promise<StoredClient[]> {
  const now = clusterTime(context)
  const clients = (await unless('CSNI203', storedClients(context.kube, dc))) ?? []
  return clients.filter(
    ({ identity: { chain } }) => signedBy(chain[0].x509, previous.x509) && chain[0].notAfter.getTime() > now,
  )
}

/** How to reissue them, and those that are not in a Secret. */
export function reissueSteps(clients: readonly StoredClient[]): NextStep[] {
  if (clients.length === 0) return [hint('kubectl cass-sni certs issue-client, for each client')]
  return clients.map(({ client, secret }) => command`kubectl cass-sni certs issue-client ${client} --secret ${secret}`)
}

/** Throws CSNI404 if there are any. */
export async function requireReissued(
  context: WorkflowContext,
  dc: Datacenter,
  previous: AuthorityPath,
): Promise<void> {
  const clients = await previousClients(context, dc, previous)
  if (clients.length === 0) return
  const secrets = clients.map(({ secret }) => `secret/${secret}`).join(', ')
  throw new CassSniError('CSNI404', `CA rotation waits for client certificates of the previous CA: ${secrets}`, {
    object: clients.map(({ source }) => source).join(', '),
    next: [...reissueSteps(clients), hint('delete the Secrets of clients that no longer exist'), again``],
  })
}
