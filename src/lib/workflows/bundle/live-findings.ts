/** Whether a bundle matches the live cluster: what a driver with it would meet, asked with what is in it. */
import pLimit from 'p-limit'
import type { CassandraNode } from '../../cassandra/datacenter.ts'
import { normalName } from '../../certificates/certificate.ts'
import { chainPem, keyPem } from '../../certificates/client-certificate.ts'
import { MAX_CONCURRENT_NODES, runsCassandra } from '../../certificates/gather/served-certificates.ts'
import { coverage } from '../../certificates/policies.ts'
import { liveProbes } from '../../checks/live-probes.ts'
import type { Probes } from '../../checks/probes.ts'
import type { Bundle } from '../../clients/read-bundle.ts'
import type { ClientIdentity } from '../../connection/client-identity.ts'
import { asCassSniError, CassSniError, throwIfAborted } from '../../errors.ts'
import { DEFAULT_GATEWAY_PORT } from '../../routes/choices.ts'
import { observeRouted, type Routed } from '../../routes/gather.ts'
import { counted } from '../../text/counted.ts'
import { asHostId } from '../../text/host-id.ts'
import { listed } from '../../text/listed.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import type { BundleCheck, BundleFinding, BundleParts } from './bundle-contents.ts'
import { askMetadata, metadataFault, resolutionFault, withoutService } from './public-address.ts'

export interface LiveChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  gateway?: string | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
}

/**
 * Compares a bundle with a datacenter; changes nothing. What cannot be asked is `unknown`.
 * @throws CSNI301, CSNI105 for the datacenter, and what reading it throws
 */
export async function liveFindings(
  context: WorkflowContext,
  { config }: Bundle,
  parts: BundleParts,
  choice: LiveChoice,
): Promise<BundleFinding[]> {
  const { kube, signal } = context
  const { host, port } = config
  const namespace = kube.target.namespaceGiven ? kube.target.namespace : (config.namespace ?? kube.target.namespace)
  const { datacenter, choices } = await observeRouted(kube, {
    namespace,
    name: choice.datacenter ?? config.datacenter,
    clusterDomain: choice.clusterDomain,
    confirm: true,
  })
  const { identity, ca } = parts
  const client = identity && { cert: chainPem(identity), key: keyPem(identity) }
  const { username, password } = config
  const probes = liveProbes({
    kube,
    datacenter,
    choices,
    gateway: choice.gateway,
    port: choices.port ?? DEFAULT_GATEWAY_PORT,
    tunnel: choice.tunnel,
    ca: { file: 'ca.crt', pem: ca },
    identity: client,
    login: username === undefined || password === undefined ? undefined : { username, password },
    signal,
    now: clusterTime(context),
  })
  const inspection: Inspection = { probes, host, port, config, ca, client, signal }
  return [
    datacenterFinding(inspection),
    gatewayFinding(inspection, { datacenter, choices }),
    ...(await Promise.all([
      attempt('names', signal, () => namesFinding(inspection)),
      attempt('dns', signal, async () => {
        const fault = await resolutionFault(host, (await probes.gateway()).addresses)
        return fault === undefined
          ? ok('dns', `${host} resolves here`)
          : { check: 'dns', status: 'warning', message: fault }
      }),
      attempt('metadata', signal, () => metadataFinding(inspection)),
      attempt('login', signal, () => loginFinding(inspection)),
    ])),
  ]
}

interface Inspection extends Pick<Bundle, 'config'> {
  probes: Probes
  host: string
  port: number
  /** PEM. */
  ca: string
  client: ClientIdentity | undefined
  signal: AbortSignal
}

const ok = (check: BundleCheck, message: string): BundleFinding => ({ check, status: 'ok', message })
const failed = (check: BundleCheck, message: string): BundleFinding => ({ check, status: 'failed', message })

async function attempt(
  check: BundleCheck,
  signal: AbortSignal,
  find: () => Promise<BundleFinding>,
): Promise<BundleFinding> {
  try {
    return await find()
  } catch (error) {
    throwIfAborted(signal)
    if (!(error instanceof CassSniError)) throw error
    return { check, status: 'unknown', message: error.message }
  }
}

function datacenterFinding({ probes: { datacenter }, config }: Inspection): BundleFinding {
  const { cassandraName, name, namespace } = datacenter
  return config.localDatacenter === undefined || config.localDatacenter === cassandraName
    ? ok('datacenter', `${name} in namespace ${namespace}`)
    : failed('datacenter', `the bundle is for ${config.localDatacenter}, but ${name} is called ${cassandraName}`)
}

function gatewayFinding({ port, host }: Inspection, { choices, datacenter }: Routed): BundleFinding {
  if (choices.port === undefined) return failed('gateway', `datacenter ${datacenter.name} has no routes`)
  return choices.port === port
    ? ok('gateway', `${host}:${port}`)
    : failed('gateway', `the bundle has port ${port}, but the gateway's is ${choices.port}`)
}

/** Each node's certificate verifies with the CA of the bundle, and has its public name. */
async function namesFinding({ probes, host, signal }: Inspection): Promise<BundleFinding> {
  const limit = pLimit(MAX_CONCURRENT_NODES)
  const nodes = probes.datacenter.nodes.filter((node) => runsCassandra(node) && node.hostId !== undefined)
  if (nodes.length === 0) return { check: 'names', status: 'unknown', message: 'no node is running' }
  const faults = await Promise.all(
    nodes.map((node) =>
      limit(async () => {
        const fault = await certificateFault(probes, node, host).catch((error: unknown) => {
          throwIfAborted(signal)
          return asCassSniError(error).message
        })
        return fault === undefined ? [] : [`${node.pod}: ${fault}`]
      }),
    ),
  )
  const [first, ...more] = faults.flat()
  if (first === undefined)
    return ok('names', `${counted(nodes.length, 'node')} verified with the CA of the bundle and the public name`)
  return failed('names', more.length === 0 ? first : `${first} (and ${counted(more.length, 'other node')})`)
}

async function certificateFault(probes: Probes, { hostId = '' }: CassandraNode, host: string) {
  const { certificate, chainReason, nameReason } = await probes.handshake(hostId)
  if (chainReason !== undefined) return chainReason.replace("the datacenter's CA", 'the CA in the bundle')
  // With --names public, drivers verify the public name only.
  if (nameReason !== undefined && certificate.names.some((name) => asHostId(name) !== undefined)) return nameReason
  return coverage(certificate.names.map(normalName))(normalName(host))
    ? undefined
    : `certificate lacks the public name ${host}`
}

/** The metadata service has the current host IDs. */
async function metadataFinding({ probes, host, port, ca, client, signal }: Inspection): Promise<BundleFinding> {
  const { datacenter } = probes
  let info: Awaited<ReturnType<typeof askMetadata>>
  try {
    info = await askMetadata(probes, { host, port, ca, client }, signal)
  } catch (error) {
    throwIfAborted(signal)
    return failed('metadata', withoutService(host, probes.metadataName, asCassSniError(error)).message)
  }
  const fault = metadataFault(info, { host, port, localDatacenter: datacenter.cassandraName })
  if (fault !== undefined) return failed('metadata', fault)
  const known = new Set(datacenter.nodes.flatMap(({ hostId }) => hostId ?? []))
  const stale = info.contactPoints.filter((each) => !known.has(each))
  if (stale.length > 0) return failed('metadata', `the metadata service has unknown host IDs: ${listed(stale, 3)}`)
  const points = counted(info.contactPoints.length, 'contact point')
  return info.contactPoints.length === 0 ? failed('metadata', 'no contact points') : ok('metadata', points)
}

/** The login works; without one, the nodes accept the client certificate. */
async function loginFinding({ probes, config }: Inspection): Promise<BundleFinding> {
  const node = probes.datacenter.nodes.find((each) => runsCassandra(each) && each.hostId !== undefined)
  if (node === undefined) return { check: 'login', status: 'unknown', message: 'no node is running' }
  const { username } = config
  const isComplete = username !== undefined && config.password !== undefined
  try {
    await (isComplete ? probes.hostIdBehind(node) : probes.invalidLogin(node))
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    if (error.code === 'CSNI610') return failed('login', error.message)
    if (error.code === 'CSNI604' && isComplete) return failed('login', `role ${username}: ${error.message}`)
    if (error.code !== 'CSNI604') throw error
  }
  return isComplete
    ? ok('login', `role ${username} can log in`)
    : { check: 'login', status: 'skipped', message: 'no login in the bundle' }
}
