/** Input of `certs`: the datacenter, its CA and keystore, and the certificates that nodes serve. Reads only. */
import { authorityLocation, authorityObject } from '../../cassandra/authority-secret.ts'
import type { CassandraNode, Datacenter } from '../../cassandra/datacenter.ts'
import { trustPem } from '../../certificates/authority-path.ts'
import type { RouteNames } from '../../certificates/certificate-names.ts'
import { requireUsable, type Signer } from '../../certificates/certificate-authority.ts'
import { type CertificateMaterial, gatherMaterial } from '../../certificates/gather/gather-material.ts'
import {
  type CertificateReader,
  createCertificateReader,
  readServed,
  type Served,
} from '../../certificates/gather/served-certificates.ts'
import { BACKDATED_MS } from '../../certificates/issue.ts'
import type { IssuerResult } from '../../certificates/issuer-certificate.ts'
import { type IssuerReference, isSameIssuer, issuerText } from '../../certificates/issuer-reference.ts'
import { CERT_MANAGER_GROUP, ISSUER } from '../../cluster/resources.ts'
import { CassSniError, command, hint } from '../../errors.ts'
import { additionalNamesOf, NO_ADDITIONAL_NAMES } from '../../routes/additional-names.ts'
import { observeRouted } from '../../routes/gather.ts'
import { DEFAULT_GATEWAY_PORT } from '../../routes/choices.ts'
import { clockSkew, clusterTime } from '../cluster-time.ts'
import type { WorkflowContext } from '../context.ts'
import { readIssued, requireIssuer } from './cert-manager.ts'
import type { CertsOptions } from './certs-options.ts'
import { requireOperatorKeystore } from './keystore-location.ts'
import { counted } from '../../text/counted.ts'

export interface CertificateObservation extends CertificateMaterial {
  /** Additional names of the routes. */
  routes: RouteNames
  /** The server name of the metadata service. */
  metadataName?: string | undefined
  dc: Datacenter
  reader: CertificateReader
  /** Milliseconds since the epoch, by the API server's clock. */
  now: number
  /** What cert-manager has issued, if it signs. */
  issued: IssuerResult | undefined
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
    namespace: options.namespace ?? kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
    confirm: true,
  })
  requireOperatorKeystore(dc)
  if (options.issuer !== undefined) await requireIssuer(context, dc, options.issuer)
  const material = await gatherMaterial(kube, dc, options)
  const { authority, authorities, rotation } = material
  if (options.issuer !== undefined) requireSigner(dc, authority, options.issuer)
  const now = clusterTime(context)
  warnOfClock(context)
  const location = authorityLocation(dc)
  const warning = requireUsable(authority.path, now, location, rotation?.phase === 'trust')
  if (warning !== undefined) {
    emit({ type: 'warning', code: 'CSNI402', message: warning, next: [command`kubectl cass-sni certs rotate-ca`] })
  }
  emit({
    ...step,
    state: 'done',
    note: `valid until ${authority.path[0].notAfter.toISOString().slice(0, 10)}`,
  })
  const reader = createCertificateReader(context, dc, trustPem(authorities), {
    wanted: options.gateway,
    remembered: choices,
    port: options.gatewayPort ?? choices.port ?? DEFAULT_GATEWAY_PORT,
  })
  const served = await readAll(context, reader, dc.nodes)
  const routes = additionalNamesOf(choices.names ?? NO_ADDITIONAL_NAMES, dc)
  const issued = 'issuer' in authority ? await readIssued(kube, dc) : undefined
  const metadataName = choices.names?.metadata
  return { ...material, dc, routes, metadataName, reader, now, issued, served }
}

/** Throws CSNI101 unless this issuer signs the certificates: nodes and clients must trust its CA first. */
function requireSigner(dc: Datacenter, authority: Signer, issuer: IssuerReference): void {
  if ('issuer' in authority && isSameIssuer(authority.issuer, issuer)) return
  const object = authorityObject(dc)
  const signer = 'issuer' in authority ? issuerText(authority.issuer) : `its own CA (${authority.path[0].subject})`
  throw new CassSniError('CSNI101', `${object}: ${signer} signs the certificates, not ${issuerText(issuer)}`, {
    object,
    next: [
      hint('nodes and clients must trust the CA of the issuer first:'),
      command`kubectl cass-sni certs rotate-ca --issuer ${issuer.name}
        ${issuer.kind === ISSUER.kind ? [] : ['--issuer-kind', issuer.kind]}
        ${issuer.group === CERT_MANAGER_GROUP ? [] : ['--issuer-group', issuer.group]}`,
    ],
  })
}

/** Warns if the local clock differs by more than a certificate is backdated. */
function warnOfClock({ kube, emit, now }: WorkflowContext): void {
  const skew = clockSkew(kube)
  if (Math.abs(skew) <= BACKDATED_MS) return
  const minutes = Math.round(Math.abs(skew) / 60_000)
  const time = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+/, '')
  emit({
    type: 'warning',
    message:
      `the local clock (${time(now())}) is ${minutes} minutes ${skew < 0 ? 'ahead of' : 'behind'} the API server's ` +
      `(${time(now() + skew)}); certificates use the API server's time`,
  })
}

async function readAll(
  context: WorkflowContext,
  reader: CertificateReader,
  nodes: readonly CassandraNode[],
): Promise<Map<string, Served>> {
  const step = { type: 'step', id: 'served', title: 'Served certificates' } as const
  context.emit({ ...step, state: 'started' })
  const served = await readServed(reader, nodes)
  const readable = [...served.values()].filter((each) => 'certificate' in each).length
  const stopped = nodes.length - served.size
  const note = `read from ${readable} of ${counted(nodes.length, 'node')}`
  context.emit({ ...step, state: 'done', note: stopped > 0 ? `${note}, ${stopped} not running` : note })
  return served
}
