/** `certs status`: the CA, the keystore, and the certificate that each node serves. Reads only. */
import type { Datacenter } from '../cassandra/datacenter.ts'
import { DATACENTER_LABEL, labelValueFor } from '../cassandra/resource-names.ts'
import { isReplaceable } from '../certificates/authority-policies.ts'
import { issuerIn, issuerText } from '../certificates/issuer-reference.ts'
import { type CertificateStatus, certificateStatus, type Finding } from '../checks/certificate-status.ts'
import { liveProbes } from '../checks/live-probes.ts'
import type { Probes } from '../checks/probes.ts'
import type { ObservedPod } from '../checks/served-since.ts'
import type { Kube } from '../cluster/kube.ts'
import { POD, SECRET } from '../cluster/resources.ts'
import { unless } from '../cluster/unless.ts'
import type { Secret } from '../cluster/workloads.ts'
import { command, type NextStep } from '../errors.ts'
import { parseAddress, podDialer } from '../connection/dialer.ts'
import { handshake } from '../connection/tls.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import { counted } from '../text/counted.ts'
import { readAuthorityFile } from './authority-file.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

export type { CertificatePart, Finding } from '../checks/certificate-status.ts'

export interface CertsStatusOptions {
  /** Default: the context's. */
  namespace?: string | undefined
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  port?: number | undefined
  /** "host[:port]" to connect to instead of the load balancer. */
  address?: string | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
  /** The CA's file; default: the operator's Secret. */
  caFile?: string | undefined
  /** Report certificates that expire within so many days, instead of those that are due for renewal. */
  warnDays?: number | undefined
}

export interface CertsStatusResult extends CertificateStatus {
  namespace: string
  datacenter: string
  /** The cert-manager issuer that signs, "issuer.cert-manager.io/x"; absent if the CA Secret has the key. */
  issuer?: string | undefined
  next: NextStep[]
}

/**
 * Returns the state of all certificates of a datacenter; `ok` is false if anything is wrong or due, or nothing could be
 * read.
 * @throws CSNI301 if the datacenter is not found, CSNI105 if it is not the only one; CSNI101 for an invalid address,
 * CSNI104 or CSNI107 for an invalid CA file
 */
export async function certsStatus(context: WorkflowContext, options: CertsStatusOptions): Promise<CertsStatusResult> {
  const { kube, signal, emit } = context
  const { gateway, address, tunnel, caFile } = options
  if (address !== undefined) parseAddress(address, options.port ?? DEFAULT_GATEWAY_PORT)
  const ca = caFile === undefined ? undefined : { file: caFile, pem: await readAuthorityFile(caFile, signal) }
  const step = { type: 'step', id: 'status', title: 'Certificates' } as const
  emit({ ...step, state: 'started' })
  const { datacenter, choices } = await observeRouted(kube, {
    namespace: options.namespace ?? kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
    confirm: true,
  })
  const port = options.port ?? choices.port ?? DEFAULT_GATEWAY_PORT
  const now = clusterTime(context)
  const live = liveProbes({ kube, datacenter, choices, gateway, port, address, tunnel, ca, signal, now })
  const beforeRoutes = choices.api === undefined && address === undefined && !tunnel
  const probes = beforeRoutes ? throughPods(context, live) : live
  const pods = await kube.list<ObservedPod>(POD, {
    namespace: datacenter.namespace,
    labelSelector: `${DATACENTER_LABEL}=${labelValueFor(datacenter.name)}`,
  })
  const status = await certificateStatus(probes, { nodes: datacenter.nodes, pods, warnDays: options.warnDays, signal })
  const read = status.nodes.filter(({ certificate }) => certificate !== undefined).length
  const note = `read from ${read} of ${counted(status.nodes.length, 'node')}`
  emit({ ...step, state: read === 0 && status.nodes.length > 0 ? 'skipped' : 'done', note })
  const issuer = await signingIssuer(kube, datacenter)
  const parts = [...status.authorities, status.keystore, ...status.nodes]
  return {
    namespace: datacenter.namespace,
    datacenter: datacenter.name,
    issuer,
    ...status,
    ok: status.ok && parts.some(({ certificate }) => certificate !== undefined),
    next: nextSteps({ ...status, issuer }, datacenter, options),
  }
}

/** The command that fixes most of it: a CA first, because no certificate outlives its CA. */
function nextSteps(
  { authorities, issuer, keystore, nodes }: Pick<CertsStatusResult, 'authorities' | 'issuer' | 'keystore' | 'nodes'>,
  { namespace, name }: { namespace: string; name: string },
  { namespace: selected, caFile }: CertsStatusOptions,
): NextStep[] {
  const target = selected === undefined ? ['-n', namespace] : ['-n', namespace, '-d', name]
  const isFault = ({ severity }: Finding) => severity === 'error' || severity === 'warning'
  const codes = (parts: readonly { findings: readonly Finding[] }[]) =>
    new Set(parts.flatMap(({ findings }) => findings.filter(isFault).map(({ code }) => code)))
  const [signing] = authorities
  // A CA of cert-manager is replaced there.
  const isOwn = caFile === undefined && issuer === undefined
  const ofAuthority = codes(signing !== undefined && isOwn ? [signing] : [])
  if (ofAuthority.has('Expired')) return [command`kubectl cass-sni certs rotate-ca --expired ${target}`]
  const rotateCa = command`kubectl cass-sni certs rotate-ca ${target}`
  // certs refuses to sign with such a CA
  const isRefused = isOwn && codes([keystore]).has('NameConstraints')
  if (isRefused || [...ofAuthority].some((code) => isReplaceable({ code }))) return [rotateCa]
  const rotate = ofAuthority.has('ExpiresSoon') ? [rotateCa] : []
  if (caFile === undefined && codes([keystore, ...nodes]).size > 0)
    return [...rotate, command`kubectl cass-sni certs ${target}`]
  const isUnclear = nodes.some(({ findings }) => findings.some(({ severity }) => severity === 'unknown'))
  return rotate.length === 0 && isUnclear ? [command`kubectl cass-sni verify ${target}`] : rotate
}

/** Returns the cert-manager issuer that signs, "issuer.cert-manager.io/x", if the CA Secret can be read. */
export async function signingIssuer(kube: Kube, datacenter: Datacenter): Promise<string | undefined> {
  const secret = await unless('CSNI203', kube.get<Secret>(SECRET, datacenter.keystores.caSecret, datacenter.namespace))
  const issuer = issuerIn(Buffer.from(secret?.data?.['key'] ?? '', 'base64').toString('utf8'))
  return issuer && issuerText(issuer)
}

/** Before there are routes, each node is asked directly. */
function throughPods({ kube, signal }: WorkflowContext, probes: Probes): Probes {
  const { nodes, namespace, nativePort } = probes.datacenter
  return {
    ...probes,
    async handshake(serverName) {
      const node = nodes.find(({ hostId, dnsName }) => hostId === serverName || dnsName === serverName)
      if (node === undefined) return probes.handshake(serverName)
      const { dial } = podDialer(kube, { name: node.pod, namespace }, nativePort)
      return handshake({ dial, serverName, ca: await probes.authority(), signal })
    },
  }
}
