/** Everything between the cluster and an open CQL session: nodes, connection, login, CA. */
import { readCredentials } from '../cassandra/credentials.ts'
import type { CassandraNode, Credentials, Datacenter } from '../cassandra/datacenter.ts'
import { findNode } from '../cassandra/node.ts'
import { trustPem } from '../certificates/authority-path.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import type { Kube } from '../cluster/kube.ts'
import { observeRouted } from '../routes/gather.ts'
import { type Choices, DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { VIRTUAL_SERVICE } from '../cluster/resources.ts'
import { type CqlNode, type CqlSession, openCqlSession } from '../connection/cql-session.ts'
import { type ClientIdentity, closedAfterHandshake } from '../connection/client-identity.ts'
import { ClosedConnectionError } from '../connection/cql-errors.ts'
import { type Dialer, givenAddressDialer } from '../connection/dialer.ts'
import { gatewayDialer } from '../connection/gateway-dialer.ts'
import { CassSniError, command, hint } from '../errors.ts'
import { findGateway } from '../istio/find-gateway.ts'
import { observeMesh } from '../istio/observe-mesh.ts'
import { readAuthorityFile } from './authority-file.ts'
import { chosenIdentity, identityFor } from './find-identity.ts'
import { type LoginChoice, readLogin } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

export interface SessionChoice extends LoginChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  node?: string | undefined
  gateway?: string | undefined
  port?: number | undefined
  address?: string | undefined
  tunnel: 'always' | 'auto' | 'never'
  keyspace?: string | undefined
  connectTimeoutMs?: number | undefined
  /** For one statement; 0: no limit. */
  statementTimeoutMs?: number | undefined
  insecureSkipTlsVerify: boolean
}

/** What is needed to connect, read once from the cluster. */
export interface Access {
  datacenter: Datacenter
  /** Of the gateway. */
  port: number
  dialer: Dialer
  credentials: Credentials
  /** PEM. */
  ca: string
  /** Presented to nodes that require a certificate. */
  identity?: ClientIdentity | undefined
  nodes: CqlNode[]
  target?: CqlNode | undefined
  /** The API of the existing routes. */
  api?: Choices['api']
}

/**
 * Reads what a session needs; changes nothing.
 * Throws CSNI301/302 (datacenter, node), CSNI303 (no node can be reached yet), CSNI304, CSNI306, CSNI502, CSNI606 and
 * what reading throws.
 */
export async function observeAccess(context: WorkflowContext, choice: SessionChoice): Promise<Access> {
  const { kube, signal, emit } = context
  const routed = observeRouted(kube, {
    namespace: kube.target.namespace,
    clusterDomain: choice.clusterDomain,
    name: choice.datacenter,
    // drivers read the others' host IDs from Cassandra
    confirm: choice.node !== undefined,
  })
  // Secrets are read as soon as their names are known; errors are reported when awaited. A prompt waits for the
  // gateway.
  const superuser =
    choice.username === undefined ? routed.then((each) => readCredentials(kube, each.datacenter)) : undefined
  const authority =
    choice.caFile === undefined
      ? routed.then((each) => readAuthority(kube, each.datacenter))
      : readAuthorityFile(choice.caFile, signal)
  const now = clusterTime({ kube, now: context.now })
  const identity = chosenIdentity(choice, signal).then(async (chosen) =>
    identityFor(kube, (await routed).datacenter, chosen, now),
  )
  for (const each of [superuser, authority, identity]) each?.catch(() => undefined)
  const [{ datacenter, choices }, through] = await Promise.all([
    routed,
    // an address requires no permission to read the gateway
    choice.address ?? observeMesh(kube, { gateway: choice.gateway, controlPlanes: false, apis: [] }),
  ])
  // Without permission to read the Secret of the configuration, the handshake decides.
  if (datacenter.configurationHidden === undefined && !datacenter.clientEncryption.enabled) {
    throw new CassSniError(
      'CSNI306',
      `datacenter ${datacenter.name}: client encryption is disabled (client_encryption_options.enabled); ` +
        'SNI requires TLS',
      {
        object: `cassandradatacenter/${datacenter.name} in namespace ${datacenter.namespace}`,
        next: [
          command`kubectl get cassandradatacenter ${datacenter.name} -n ${datacenter.namespace}
            -o jsonpath='{.spec.config}'`,
        ],
      },
    )
  }
  const target = choice.node === undefined ? undefined : reachable(datacenter, findNode(datacenter, choice.node))
  const nodes = target === undefined ? reachableNodes(datacenter) : [target]
  const port = choice.port ?? choices.port ?? DEFAULT_GATEWAY_PORT
  const dialing =
    typeof through === 'string'
      ? givenAddressDialer(through, port)
      : gatewayDialer(kube, await findGateway(kube, through, { wanted: choice.gateway, remembered: choices }), {
          port,
          tunnel: choice.tunnel,
          serverName: nodes[0]?.hostId,
        })
  const [dialer, credentials, ca, presented] = await Promise.all([
    dialing,
    superuser ?? readLogin(kube, datacenter, choice),
    authority,
    identity,
  ])
  if (dialer.fallback !== undefined)
    emit({ type: 'warning', message: `gateway unreachable, connecting through a tunnel: ${dialer.fallback}` })
  return { datacenter, port, dialer, credentials, ca, identity: presented, nodes, target, api: choices.api }
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

function reachable(datacenter: Datacenter, node: CassandraNode): CqlNode {
  if (node.hostId !== undefined && !node.replacing) return { hostId: node.hostId, dnsName: node.dnsName }
  throw notReady(
    datacenter,
    `node ${node.pod} has no host ID yet${node.waiting === undefined ? '' : ` (${node.waiting})`} and cannot be ` +
      'reached by SNI',
  )
}

/** Nodes in an order of preference: those that are ready first. */
export function reachableNodes(datacenter: Datacenter): CqlNode[] {
  const ready = (node: CassandraNode): number => (node.ready && !node.terminating ? 0 : 1)
  const nodes = datacenter.nodes
    .toSorted((a, b) => ready(a) - ready(b))
    .flatMap((node) =>
      node.hostId === undefined || node.replacing ? [] : [{ hostId: node.hostId, dnsName: node.dnsName }],
    )
  if (nodes.length > 0) return nodes
  throw notReady(datacenter, `datacenter ${datacenter.name}: no node has a host ID yet`)
}

function notReady(datacenter: Datacenter, message: string): CassSniError {
  return new CassSniError('CSNI303', message, {
    object: `cassandradatacenter/${datacenter.name} in namespace ${datacenter.namespace}`,
    next: [
      command`kubectl get pods -n ${datacenter.namespace} -l cassandra.datastax.com/datacenter=${datacenter.name}`,
      command`kubectl cass-sni verify`,
    ],
  })
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

/** With a CA file of the user, new certificates do not help. */
function notTrusted({ code, message, object, cause }: CassSniError, caFile: string): CassSniError {
  const next = [hint(`compare ${caFile} (--ca) with the CA of the datacenter`), command`kubectl cass-sni certs ca`]
  return new CassSniError(code, message, { object, next, cause })
}
