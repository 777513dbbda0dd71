/** Input of `certs`: the datacenter, its CA and keystore, and the certificates that nodes serve. Reads only. */
import pLimit from 'p-limit'
import {
  authorityLocation,
  keystoreObject,
  keystorePassword,
  type KeystoreMaterial,
  OPERATOR_KEYSTORE_PATH,
  readAuthorityMaterial,
  readKeystoreMaterial,
} from '../../cassandra/authority-secret.ts'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { type Authorities, trustPem } from '../../certificates/authority-path.ts'
import { type Authority, parseAuthority, requireUsable } from '../../certificates/certificate-authority.ts'
import { operatorName } from '../../certificates/certificate-plan.ts'
import { BACKDATED_MS } from '../../certificates/issue.ts'
import { type NodeKeystore, openKeystore } from '../../certificates/node-keystore.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { additionalNamesOf, NO_ADDITIONAL_NAMES } from '../../routes/additional-names.ts'
import { observeRouted } from '../../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../../routes/choices.ts'
import { clockSkew, clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import type { CertsOptions } from './certs-options.ts'
import { type CertificateReader, createCertificateReader, type Served } from './served-certificates.ts'
import { counted } from '../../text/counted.ts'
import { packageFile } from '../../text/package-file.ts'

/** Nodes to read or reload concurrently: each takes a tunnel or a command through the API server. */
export const MAX_CONCURRENT_NODES = 8

export interface CertificateObservation {
  /** Additional names of the routes. */
  routeNames: string[]
  dc: Datacenter
  /** Signs new certificates: the first of `authorities`. */
  authority: Authority
  /** What nodes and clients must trust. */
  authorities: Authorities
  /** Secret: never printed. */
  password: string
  material: KeystoreMaterial
  keystore: NodeKeystore
  /** Why the keystore must be replaced as a whole. */
  unreadable?: string | undefined
  reader: CertificateReader
  /** Milliseconds since the epoch, by the API server's clock. */
  now: number
  /** By pod: what each node serves. Nodes that do not run Cassandra are skipped. */
  served: Map<string, Served>
}

/**
 * Reads the input of a `certs` run.
 * @throws CSNI306, CSNI401, CSNI402, CSNI403, and the errors of the requests
 */
export async function gatherCertificates(
  context: WorkflowContext,
  options: CertsOptions,
): Promise<CertificateObservation> {
  const { kube, emit } = context
  const step = { type: 'step', id: 'authority', title: 'Certificate authority' } as const
  emit({ ...step, state: 'started' })
  const { datacenter: dc, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
    confirm: true,
  })
  requireOperatorKeystore(dc)
  const [authorityMaterial, material] = await Promise.all([
    readAuthorityMaterial(kube, dc),
    readKeystoreMaterial(kube, dc),
  ])
  const now = clusterTime(context)
  warnOfClock(context)
  const location = authorityLocation(dc)
  const authority = parseAuthority(authorityMaterial.certificate, authorityMaterial.key, location)
  const authorities: Authorities = [authority.path]
  const warning = requireUsable(authority.path, now, location)
  if (warning !== undefined) emit({ type: 'warning', code: 'CSNI402', message: warning })
  emit({
    ...step,
    state: 'done',
    note: `valid until ${authority.path[0].notAfter.toISOString().slice(0, 10)}`,
  })
  const password = keystorePassword(dc)
  const opened = open(material.bytes, password, dc, options.replaceKeystore === true)
  const reader = createCertificateReader(context, dc, trustPem(authorities), {
    wanted: options.gateway,
    remembered: choices,
    port: options.gatewayPort ?? choices.port ?? DEFAULT_GATEWAY_PORT,
  })
  const served = await readAll(context, reader, dc.nodes)
  const routeNames = additionalNamesOf(choices.names ?? NO_ADDITIONAL_NAMES, dc)
  return { dc, routeNames, authority, authorities, password, material, ...opened, reader, now, served }
}

/** Warns if the local clock differs by more than a certificate is backdated. */
function warnOfClock({ kube, emit }: WorkflowContext): void {
  const skew = clockSkew(kube)
  if (Math.abs(skew) <= BACKDATED_MS) return
  const minutes = Math.round(Math.abs(skew) / 60_000)
  emit({
    type: 'warning',
    message:
      `the local clock is ${minutes} minutes ${skew < 0 ? 'ahead of' : 'behind'} the API server's; certificates ` +
      "use the API server's time",
  })
}

/** Returns whether Cassandra runs on the node, ready or not, so that it serves a certificate or is about to. */
export function runsCassandra({ state, terminating }: CassandraNode): boolean {
  return (state === 'Started' || state === 'Started-not-Ready') && !terminating
}

function open(
  bytes: Buffer,
  password: string,
  dc: Datacenter,
  replace: boolean,
): Pick<CertificateObservation, 'keystore' | 'unreadable'> {
  try {
    return { keystore: openKeystore(bytes, { password, alias: operatorName(dc), object: keystoreObject(dc) }) }
  } catch (error) {
    if (!replace || !(error instanceof CassSniError) || error.code !== 'CSNI403') throw error
    return { keystore: { entries: [], current: undefined }, unreadable: error.message }
  }
}

/** Throws CSNI306 unless client TLS uses the keystore that cass-operator creates. */
function requireOperatorKeystore(dc: Datacenter): void {
  const { enabled, keystorePath } = dc.clientEncryption
  const object = `cassandradatacenter/${dc.name} in namespace ${dc.namespace}`
  const showConfig = command`kubectl get cassandradatacenter ${dc.name} -n ${dc.namespace}
    -o jsonpath='{.spec.config.cassandra-yaml}'`
  if (!enabled) {
    throw new CassSniError(
      'CSNI306',
      `${object}: client TLS is disabled (client_encryption_options.enabled is not true)`,
      {
        object,
        next: [showConfig, hint(`see ${packageFile('docs/certificates.md')} for the required configuration`)],
      },
    )
  }
  if (keystorePath !== OPERATOR_KEYSTORE_PATH) {
    throw new CassSniError(
      'CSNI306',
      `${object}: ` +
        (keystorePath === undefined
          ? 'client_encryption_options.keystore is not set'
          : `unsupported keystore ${keystorePath}`) +
        ` (expected ${OPERATOR_KEYSTORE_PATH}, which cass-operator creates)`,
      {
        object,
        next: [
          showConfig,
          hint('issue the certificate with the tool that created this keystore, then check it:'),
          command`kubectl cass-sni verify`,
        ],
      },
    )
  }
}

async function readAll(
  context: WorkflowContext,
  reader: CertificateReader,
  nodes: readonly CassandraNode[],
): Promise<Map<string, Served>> {
  const step = { type: 'step', id: 'served', title: 'Served certificates' } as const
  context.emit({ ...step, state: 'started' })
  const limit = pLimit(MAX_CONCURRENT_NODES)
  const running = nodes.filter(runsCassandra)
  const entries = await Promise.all(
    running.map((node) => limit(async () => [node.pod, await reader.read(node)] as const)),
  )
  const readable = entries.filter(([, served]) => 'certificate' in served).length
  const stopped = nodes.length - running.length
  const note = `read from ${readable} of ${counted(nodes.length, 'node')}`
  context.emit({ ...step, state: 'done', note: stopped > 0 ? `${note}, ${stopped} not running` : note })
  return new Map(entries)
}
