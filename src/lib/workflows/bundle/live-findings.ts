/** Whether a bundle matches the live cluster: checked as by a driver, with the CA, certificate and login in it. */
import pLimit from 'p-limit'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { normalName } from '../../certificates/certificate.ts'
import { chainPem, keyPem } from '../../certificates/client-certificate.ts'
import { MAX_CONCURRENT_NODES, runsCassandra } from '../../certificates/gather/served-certificates.ts'
import { coverage } from '../../certificates/policies.ts'
import { liveProbes } from '../../checks/live-probes.ts'
import type { Probes } from '../../checks/probes.ts'
import type { Bundle } from '../../clients/read-bundle.ts'
import type { ClientIdentity } from '../../connection/client-identity.ts'
import { METADATA_STATUS } from '../../checks/metadata-checks.ts'
import type { Kube } from '../../cluster/kube.ts'
import { readAuthorities } from '../../certificates/gather/read-authorities.ts'
import { asCassSniError, CassSniError, command, type ErrorCode, type NextStep, throwIfAborted } from '../../errors.ts'
import { DEFAULT_GATEWAY_PORT } from '../../routes/choices.ts'
import { observeRouted, type Routed } from '../../routes/gather.ts'
import { counted } from '../../text/counted.ts'
import { asHostId } from '../../text/host-id.ts'
import { listed } from '../../text/listed.ts'
import { signingIssuer } from '../certs-status-workflow.ts'
import { clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import type { BundleCheck, BundleFinding, BundleParts } from './bundle-contents.ts'
import { authoritySteps, type BundleSteps, distinctSteps, type LiveAuthority, trustSteps } from './bundle-steps.ts'
import { issueWithName } from './public-name.ts'
import { askMetadata, metadataFault, resolutionFault, withoutService } from './public-address.ts'

export interface LiveChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  gateway?: string | undefined
  /** "host[:port]" to connect to instead of the load balancer. */
  address?: string | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
}

export interface LiveComparison {
  findings: BundleFinding[]
  /** For this datacenter. */
  steps: BundleSteps
  /** For a CA that has expired or expires soon. */
  authority: NextStep[]
}

/**
 * Compares a bundle with a datacenter; changes nothing. What cannot be checked is `unknown`.
 * @param stepsFor returns the commands that fix the bundle for a datacenter
 * @throws CSNI301, CSNI105 for the datacenter, and what reading it throws
 */
export async function compareWithCluster(
  context: WorkflowContext,
  { config }: Bundle,
  parts: BundleParts,
  choice: LiveChoice,
  stepsFor: (datacenter: Datacenter) => BundleSteps,
): Promise<LiveComparison> {
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
  const now = clusterTime(context)
  const client = identity && { cert: chainPem(identity), key: keyPem(identity) }
  const { username, password } = config
  const probes = liveProbes({
    kube,
    datacenter,
    choices,
    gateway: choice.gateway,
    port: choices.port ?? DEFAULT_GATEWAY_PORT,
    address: choice.address,
    tunnel: choice.tunnel,
    ca: { file: 'ca.crt', pem: ca },
    identity: client,
    login: username === undefined || password === undefined ? undefined : { username, password },
    signal,
    now,
  })
  const steps = stepsFor(datacenter)
  const live = await liveAuthority(kube, datacenter)
  const authority = authoritySteps(steps, parts.authorities, live, now)
  const trust = trustSteps(steps, parts.authorities, live, now)
  const inspection: Inspection = { kube, probes, host, port, config, ca, client, signal, steps, trust }
  const findings = [
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
  return { findings, steps, authority }
}

async function liveAuthority(kube: Kube, datacenter: Datacenter): Promise<LiveAuthority | undefined> {
  try {
    const [authorities, issuer] = await Promise.all([
      readAuthorities(kube, datacenter),
      signingIssuer(kube, datacenter),
    ])
    return { authorities, issuer }
  } catch (error) {
    if (error instanceof CassSniError && UNKNOWN_AUTHORITY.has(error.code)) return undefined
    throw error
  }
}

/** Without permission to read the CA, without its Secret, or if it is not a CA, no command is certain to help. */
const UNKNOWN_AUTHORITY: ReadonlySet<ErrorCode> = new Set(['CSNI203', 'CSNI204', 'CSNI401'])

interface Inspection extends Pick<Bundle, 'config'>, Pick<LiveComparison, 'steps'> {
  /** For a certificate that does not verify because of the CA. */
  trust: NextStep[]
  kube: Kube
  probes: Probes
  host: string
  port: number
  /** PEM. */
  ca: string
  client: ClientIdentity | undefined
  signal: AbortSignal
}

const ok = (check: BundleCheck, message: string): BundleFinding => ({ check, status: 'ok', message })
const failed = (check: BundleCheck, message: string, next: NextStep[]): BundleFinding => ({
  check,
  status: 'failed',
  message,
  next,
})

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
    return { check, status: 'unknown', message: error.message, next: error.next }
  }
}

function datacenterFinding({ probes: { datacenter }, config, steps }: Inspection): BundleFinding {
  const { cassandraName, name, namespace } = datacenter
  return config.localDatacenter === undefined || config.localDatacenter === cassandraName
    ? ok('datacenter', `${name} in namespace ${namespace}`)
    : failed(
        'datacenter',
        `the bundle is for ${config.localDatacenter}, but ${name} is called ${cassandraName}`,
        steps.recreate,
      )
}

function gatewayFinding({ config, steps }: Inspection, { choices, datacenter }: Routed): BundleFinding {
  const { recreate, target } = steps
  const { host, port, gatewayPort = port } = config
  if (choices.port === undefined)
    return failed('gateway', `datacenter ${datacenter.name} has no routes`, [
      command`kubectl cass-sni routes sync ${target}`,
    ])
  return choices.port === gatewayPort
    ? ok(
        'gateway',
        gatewayPort === port ? `${host}:${port}` : `${host}:${port}, mapped to port ${gatewayPort} of the gateway`,
      )
    : failed('gateway', `the bundle is for gateway port ${gatewayPort}, but the routes use ${choices.port}`, recreate)
}

/** Each node's certificate verifies with the CA of the bundle, and has its public name. */
async function namesFinding(inspection: Inspection): Promise<BundleFinding> {
  const { probes, signal } = inspection
  const limit = pLimit(MAX_CONCURRENT_NODES)
  const nodes = probes.datacenter.nodes.filter((node) => runsCassandra(node) && node.hostId !== undefined)
  if (nodes.length === 0) return { check: 'names', status: 'unknown', message: 'no node is running' }
  const faults = await Promise.all(
    nodes.map((node) =>
      limit(async () => {
        const fault = await certificateFault(inspection, node).catch((error: unknown) => {
          throwIfAborted(signal)
          return asCassSniError(error)
        })
        return fault === undefined ? [] : [{ ...fault, message: `${node.pod}: ${fault.message}` }]
      }),
    ),
  )
  const [first, ...more] = faults.flat()
  if (first === undefined)
    return ok('names', `${counted(nodes.length, 'node')} verified with the CA of the bundle and the public name`)
  const message = more.length === 0 ? first.message : `${first.message} (and ${counted(more.length, 'other node')})`
  return failed('names', message, distinctSteps([first, ...more]))
}

interface Fault {
  message: string
  next: NextStep[]
}

async function certificateFault(
  { kube, probes, host, steps, trust }: Inspection,
  { hostId = '' }: CassandraNode,
): Promise<Fault | undefined> {
  const { certificate, chainReason, nameReason } = await probes.handshake(hostId)
  const issue = [command`kubectl cass-sni certs ${steps.target}`]
  if (chainReason !== undefined)
    return {
      message: chainReason.replace("the datacenter's CA", 'the CA in the bundle'),
      next: trust.length > 0 ? trust : issue,
    }
  // With --names public, drivers verify the public name only.
  if (nameReason !== undefined && certificate.names.some((name) => asHostId(name) !== undefined))
    return { message: nameReason, next: issue }
  if (coverage(certificate.names.map(normalName))(normalName(host))) return undefined
  const missing = { name: normalName(host), metadata: probes.metadataName, kube }
  return {
    message: `certificate lacks the public name ${host}`,
    next: [await issueWithName(probes.datacenter, missing)],
  }
}

/** The metadata service has the current host IDs. */
async function metadataFinding({ probes, host, port, ca, client, signal }: Inspection): Promise<BundleFinding> {
  const { datacenter } = probes
  let info: Awaited<ReturnType<typeof askMetadata>>
  try {
    info = await askMetadata(probes, { host, port, ca, client }, signal)
  } catch (error) {
    throwIfAborted(signal)
    const { message, next = [] } = withoutService(host, probes.metadataName, asCassSniError(error))
    return failed('metadata', message, next)
  }
  const fault = metadataFault(info, { host, port, localDatacenter: datacenter.cassandraName })
  if (fault !== undefined) return failed('metadata', fault, [METADATA_STATUS])
  const known = new Set(datacenter.nodes.flatMap(({ hostId }) => hostId ?? []))
  const stale = info.contactPoints.filter((each) => !known.has(each))
  if (stale.length > 0)
    return failed('metadata', `the metadata service has unknown host IDs: ${listed(stale, 3)}`, [METADATA_STATUS])
  const points = counted(info.contactPoints.length, 'contact point')
  return info.contactPoints.length === 0
    ? failed('metadata', 'no contact points', [METADATA_STATUS])
    : ok('metadata', points)
}

/** The login works; without one, the nodes accept the client certificate. */
async function loginFinding({ probes, config, steps }: Inspection): Promise<BundleFinding> {
  const node = probes.datacenter.nodes.find((each) => runsCassandra(each) && each.hostId !== undefined)
  if (node === undefined) return { check: 'login', status: 'unknown', message: 'no node is running' }
  const { username } = config
  const isComplete = username !== undefined && config.password !== undefined
  try {
    await (isComplete ? probes.hostIdBehind(node) : probes.invalidLogin(node))
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    if (error.code === 'CSNI610') return failed('login', error.message, steps.recreate)
    if (error.code === 'CSNI604' && isComplete)
      return failed('login', `role ${username}: ${error.message}`, steps.updateLogin)
    if (error.code !== 'CSNI604') throw error
  }
  return isComplete
    ? ok('login', `role ${username} can log in`)
    : { check: 'login', status: 'skipped', message: 'no login in the bundle' }
}
