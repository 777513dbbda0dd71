/** The public name of a bundle: which one, and whether the nodes' certificates are valid for it. */
import { isIP } from 'node:net'
import pLimit from 'p-limit'
import { gatherKeystore } from '../../certificates/gather/gather-material.ts'
import { MAX_CONCURRENT_NODES, runsCassandra } from '../../certificates/gather/served-certificates.ts'
import { normalName } from '../../certificates/certificate.ts'
import { parseNames } from '../../certificates/certificate-settings.ts'
import { coverage } from '../../certificates/policies.ts'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import type { Probes } from '../../checks/probes.ts'
import type { Kube } from '../../cluster/kube.ts'
import { unless } from '../../cluster/unless.ts'
import { again, asCassSniError, CassSniError, command, hint, type NextStep, throwIfAborted } from '../../errors.ts'
import { listed } from '../../text/listed.ts'

/** The names saved with the keystore; none if it cannot be read, or is not cass-operator's. */
async function savedNames(kube: Kube, dc: Datacenter): Promise<string[]> {
  const read = gatherKeystore(kube, dc, { replaceKeystore: true })
  const opened = await unless('CSNI203', unless('CSNI204', read))
  return opened?.settings.publicNames ?? []
}

/** What the user has asked for, and what the routes have. */
export interface PublicNameChoice {
  requested?: string | undefined
  /** The name of the metadata service. */
  metadata?: string | undefined
}

/**
 * Returns the requested public name, else that of the metadata service, else the only one in the settings of the
 * certificates.
 * @throws CSNI101 for an invalid name, CSNI102 without a name, CSNI105 with several
 */
export async function choosePublicName(
  kube: Kube,
  dc: Datacenter,
  { requested, metadata }: PublicNameChoice,
): Promise<string> {
  if (requested !== undefined) {
    const [name, ...more] = parseNames([requested], 'public-name')
    if (name !== undefined && more.length === 0 && !name.startsWith('*')) return name
    throw new CassSniError(
      'CSNI101',
      `invalid value ${JSON.stringify(requested)} for --public-name: expected one name, without wildcards`,
      {
        next: [hint('use a name such as cassandra.example.com')],
      },
    )
  }
  if (metadata !== undefined) return metadata
  const names = (await savedNames(kube, dc)).filter((name) => isIP(name) === 0 && !name.startsWith('*'))
  const [name, ...more] = names
  if (name === undefined) {
    throw new CassSniError('CSNI102', `datacenter ${dc.name}: no public DNS name in the settings of its certificates`, {
      next: [hint("pass the gateway's public DNS name with --public-name")],
    })
  }
  if (more.length === 0) return name
  throw new CassSniError('CSNI105', `datacenter ${dc.name} has ${names.length} public names: ${listed(names)}`, {
    next: names.slice(0, 3).map((each) => again`--public-name ${each}`),
  })
}

/** A node whose certificate could not be read, and why. */
export interface UncheckedNode {
  pod: string
  reason: string
}

/**
 * Checks that each node serves a certificate that clients trust and that is valid for the name. Returns the nodes that
 * could not be checked.
 * @throws CSNI602 if a certificate is invalid or lacks the name, and the first node's error if no node could be checked
 */
export async function requireServedName(
  probes: Probes,
  { name, metadata, kube, signal }: { name: string; metadata?: string | undefined; kube: Kube; signal: AbortSignal },
): Promise<UncheckedNode[]> {
  const { nodes } = probes.datacenter
  const limit = pLimit(MAX_CONCURRENT_NODES)
  const results = await Promise.all(nodes.map((node) => limit(() => inspectNode(probes, node, signal))))
  const lacking = results.filter((each) => 'names' in each && !coverage(each.names.map(normalName))(name))
  if (lacking.length > 0)
    throw await missingName(
      probes.datacenter,
      { name, metadata, kube },
      lacking.map(({ pod }) => pod),
    )
  const untrusted = results.find((each) => 'names' in each && each.untrusted !== undefined)
  if (untrusted !== undefined && 'names' in untrusted) {
    throw new CassSniError('CSNI602', `node ${untrusted.pod}: ${untrusted.untrusted}`, {
      next: [command`kubectl cass-sni certs status`, command`kubectl cass-sni certs`],
    })
  }
  const unchecked = results.filter((each) => 'error' in each)
  const [first] = unchecked
  if (first !== undefined && unchecked.length === nodes.length) throw first.error
  return unchecked.map(({ pod, error }) => ({ pod, reason: error.message }))
}

type Inspected = { pod: string; names: string[]; untrusted: string | undefined } | { pod: string; error: CassSniError }

async function inspectNode(probes: Probes, node: CassandraNode, signal: AbortSignal): Promise<Inspected> {
  const { pod, hostId } = node
  if (hostId === undefined || !runsCassandra(node)) {
    const reason = node.waiting ?? node.hostIdProblem ?? `state ${node.state}`
    return { pod, error: new CassSniError('CSNI303', `node ${pod} is not running: ${reason}`) }
  }
  try {
    const { certificate, chainReason } = await probes.handshake(hostId)
    return { pod, names: certificate.names, untrusted: chainReason }
  } catch (error) {
    throwIfAborted(signal)
    return { pod, error: asCassSniError(error) }
  }
}

interface MissingName {
  name: string
  /** The name of the metadata service. */
  metadata: string | undefined
  kube: Kube
}

/** Returns the command that issues certificates with the name; it keeps the other public names. */
export async function issueWithName(dc: Datacenter, { name, metadata, kube }: MissingName): Promise<NextStep> {
  const saved = await savedNames(kube, dc)
  // certs issues a certificate with names of the routes anyway
  const isKnown = name === metadata || saved.includes(name)
  const flags = isKnown ? [] : [...saved, name].flatMap((each) => ['--public-name', each])
  return command`kubectl cass-sni certs -n ${dc.namespace} -d ${dc.name} ${flags}`
}

async function missingName(dc: Datacenter, missing: MissingName, pods: string[]): Promise<CassSniError> {
  const { name } = missing
  const object = `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`
  const nodes = pods.length === 1 ? `node ${pods[0]}` : `${pods.length} nodes (${listed(pods)})`
  return new CassSniError('CSNI602', `public name ${name} is not in the certificate of ${nodes}`, {
    object,
    next: [await issueWithName(dc, missing)],
  })
}
