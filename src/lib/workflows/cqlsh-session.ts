/** Everything between the cluster and an open CQL session: nodes, connection, login, CA. */
import { readCredentials } from '../cassandra/credentials.ts'
import type { Credentials, Datacenter } from '../cassandra/datacenter.ts'
import { trustPem } from '../certificates/authority-path.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import type { Kube } from '../cluster/kube.ts'
import { VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { type CqlSession, openCqlSession } from '../connection/cql-session.ts'
import { type ClientIdentity, closedAfterHandshake } from '../connection/client-identity.ts'
import { ClosedConnectionError } from '../connection/cql-errors.ts'
import type { Dialer } from '../connection/dialer.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { readAuthorityFile } from './authority-file.ts'
import { chosenIdentity, identityFor } from './find-identity.ts'
import { type LoginChoice, readLogin } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import { type Contact, type ContactChoice, observeContact } from './contact.ts'
import type { WorkflowContext } from './context.ts'

export interface SessionChoice extends LoginChoice, ContactChoice {
  keyspace?: string | undefined
  connectTimeoutMs?: number | undefined
  /** For one statement; 0: no limit. */
  statementTimeoutMs?: number | undefined
  insecureSkipTlsVerify: boolean
}

/** What is needed to connect, read once from the cluster. */
export interface Access extends Omit<Contact, 'dialer'> {
  dialer: Dialer
  credentials: Credentials
  /** PEM. */
  ca: string
  /** Presented to nodes that require a certificate. */
  identity?: ClientIdentity | undefined
}

/**
 * Reads what a session needs; changes nothing.
 * Throws CSNI301/302 (datacenter, node), CSNI303 (no node can be reached yet), CSNI304, CSNI306, CSNI502, CSNI606 and
 * what reading throws.
 */
export async function observeAccess(context: WorkflowContext, choice: SessionChoice): Promise<Access> {
  const { kube, signal } = context
  const now = clusterTime({ kube, now: context.now })
  const { contact, routed } = observeContact(context, choice)
  // Secrets are read as soon as their names are known; errors are reported when awaited. A prompt waits for the
  // gateway.
  const superuser =
    choice.username === undefined ? routed.then((each) => readCredentials(kube, each.datacenter)) : undefined
  const authority =
    choice.caFile === undefined
      ? routed.then((each) => readAuthority(kube, each.datacenter))
      : readAuthorityFile(choice.caFile, signal)
  const identity = chosenIdentity(choice, signal).then(async (chosen) =>
    identityFor(kube, (await routed).datacenter, chosen, now),
  )
  for (const each of [superuser, authority, identity]) each?.catch(() => undefined)
  const found = await contact
  const [dialer, credentials, ca, presented] = await Promise.all([
    found.dialer,
    superuser ?? readLogin(kube, found.datacenter, choice),
    authority,
    identity,
  ])
  return { ...found, dialer, credentials, ca, identity: presented }
}

/** Returns the trust anchors (PEM) of the datacenter. Throws CSNI203 with --ca as advice, and what reading throws. */
export async function readAuthority(kube: Kube, datacenter: Datacenter): Promise<string> {
  const authorities = await readAuthorities(kube, datacenter).catch((error: unknown) => {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI203') throw error
    const { code, message, object, cause } = error
    const next = [hint('specify a file with the CA certificate with --ca'), ...error.next]
    throw new CassSniError(code, message, { object, next, cause })
  })
  return trustPem(authorities)
}

/**
 * Opens the session. Without any route of this datacenter, "no route for this name" becomes CSNI303: routes sync
 * comes first.
 */
export async function openSession(
  { kube, signal }: WorkflowContext,
  access: Access,
  choice: SessionChoice,
): Promise<CqlSession> {
  const { datacenter, dialer, credentials, ca, identity, nodes, target } = access
  try {
    return await openCqlSession({
      dial: dialer.dial,
      nodes,
      target,
      credentials,
      ca,
      identity,
      localDatacenter: datacenter.cassandraName,
      keyspace: choice.keyspace,
      signal,
      connectTimeoutMs: choice.connectTimeoutMs,
      statementTimeoutMs: choice.statementTimeoutMs,
      insecureSkipTlsVerify: choice.insecureSkipTlsVerify,
    })
  } catch (error) {
    if (error instanceof CassSniError && error.code === 'CSNI602' && choice.caFile !== undefined)
      throw notTrusted(error, choice.caFile)
    if (error instanceof CassSniError && error.code === 'CSNI605') throw noKeyspace(error)
    if (isRejected(datacenter, error)) throw closedAfterHandshake(nodes[0]?.hostId ?? '', error)
    if (!(error instanceof CassSniError) || !['CSNI601', 'CSNI603'].includes(error.code)) throw error
    if (error.code === 'CSNI601' && takesNoConnection(dialer, error)) throw error
    // otherwise Istio's, or none
    if (access.api === 'gateway') throw error
    const routes = await kube
      .list(VIRTUAL_SERVICE, {
        namespace: datacenter.namespace,
        labelSelector: `cass-sni/datacenter=${datacenter.name}`,
      })
      .catch(() => undefined)
    if (routes?.length !== 0) throw error
    throw new CassSniError('CSNI303', `datacenter ${datacenter.name}: no SNI routes yet`, {
      object: `cassandradatacenter/${datacenter.name} in namespace ${datacenter.namespace}`,
      next: [command`kubectl cass-sni routes sync`],
      cause: error,
    })
  }
}

/**
 * True if a node that requires a client certificate closed the connection. Without permission to read the
 * configuration, it may require one.
 */
function isRejected({ clientEncryption, configurationHidden }: Datacenter, error: unknown): boolean {
  const isPossible = clientEncryption.requireClientAuth || configurationHidden !== undefined
  return isPossible && error instanceof ClosedConnectionError
}

/**
 * True when nothing listens at the address, which does not depend on the routes. Through a tunnel it does: the gateway
 * listens only once it has some. So does a load balancer that accepts and then resets.
 */
function takesNoConnection({ address }: Dialer, { cause }: CassSniError): boolean {
  return address !== undefined && (cause as NodeJS.ErrnoException | undefined)?.code !== 'ECONNRESET'
}

/** The only statement of a connection is that of its keyspace. */
function noKeyspace({ code, message, object, cause }: CassSniError): CassSniError {
  const next = [command`kubectl cass-sni cqlsh-sni -e ${'DESCRIBE KEYSPACES'}`]
  return new CassSniError(code, message, { object, next, cause })
}

/** The same error with other next steps: with a CA file of the user, new certificates do not help. */
export function notTrusted({ code, message, object, cause }: CassSniError, caFile: string): CassSniError {
  const next = [hint(`compare ${caFile} (--ca) with the CA of the datacenter`), command`kubectl cass-sni certs ca`]
  return new CassSniError(code, message, { object, next, cause })
}
