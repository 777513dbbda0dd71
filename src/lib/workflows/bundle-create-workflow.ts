/** `bundle create`: a secure connect bundle for applications outside the cluster. */
import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import { chainPem, type Identity, keyPem } from '../certificates/client-certificate.ts'
import { storeFiles } from '../certificates/client-stores.ts'
import { trustPem } from '../certificates/authority-path.ts'
import { liveProbes } from '../checks/live-probes.ts'
import type { Probes } from '../checks/probes.ts'
import type { Bundle } from '../clients/read-bundle.ts'
import { bundleFiles, zipBundle } from '../clients/secure-connect-bundle.ts'
import { requestMetadata } from '../connection/metadata-request.ts'
import { hostPort } from '../connection/dialer.ts'
import { again, asCassSniError, CassSniError, throwIfAborted } from '../errors.ts'
import { writeOutputFile } from '../files/output-file.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import { type BundleIdentity, bundleIdentity, identityIn } from './bundle/bundle-identity.ts'
import { parseBundle, readBundleFile } from './bundle/bundle-place.ts'
import { choosePublicName, requireServedName, type UncheckedNode } from './bundle/public-name.ts'
import { readLogin, type LoginChoice } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'
import { chosenIdentity } from './find-identity.ts'

const PASSWORD_BYTES = 24

export interface BundleCreateOptions extends LoginChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  /** Of the gateway. */
  port?: number | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
  /** Default: the only one in the settings of the certificates. */
  publicName?: string | undefined
  /** Include user and password. */
  withPassword: boolean
  /** File to write; default: secure-connect-<datacenter>.zip. */
  out?: string | undefined
  /** Overwrite a file that is not a bundle of this datacenter. */
  overwrite: boolean
}

export interface BundleCreateResult {
  namespace: string
  datacenter: string
  dryRun: boolean
  /** Public name and port of the gateway. */
  host: string
  port: number
  localDatacenter: string
  out: string
  action: 'written' | 'unchanged'
  /** Names of the files in the bundle. */
  files: string[]
  /** The role whose login it includes. */
  username?: string | undefined
  clientCertificate: {
    kind: BundleIdentity['kind']
    subject: string
    /** ISO 8601. */
    notAfter: string
  }
  /** Nodes whose certificate could not be checked for the public name. */
  unchecked: UncheckedNode[]
  /** Whether the metadata service responds at the public name; absent if it was not asked. */
  metadata?: boolean | undefined
}

/**
 * Writes the bundle, once every node's certificate is known to be valid for its public name. A second run changes
 * nothing: keys and passwords of the existing bundle are kept.
 * @throws CSNI101, CSNI102, CSNI105 for the name, CSNI602 if a node's certificate lacks it, CSNI104 for a file that is
 * not a bundle of this datacenter, CSNI304 without a login, and what reading throws
 */
export async function bundleCreate(
  context: WorkflowContext,
  options: BundleCreateOptions,
): Promise<BundleCreateResult> {
  const { kube, signal, emit } = context
  const step = { type: 'step', id: 'bundle', title: 'Bundle' } as const
  emit({ ...step, state: 'started' })
  const given = await chosenIdentity(options, signal)
  const { datacenter, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
  })
  const { name, namespace, cassandraName } = datacenter
  const host = await choosePublicName(kube, datacenter, options.publicName)
  const port = options.port ?? choices.port ?? DEFAULT_GATEWAY_PORT
  const { gateway, tunnel } = options
  const now = clusterTime(context)
  const probes = liveProbes({ kube, datacenter, choices, gateway, port, tunnel, signal, now })
  const unchecked = await requireServedName(probes, { name: host, kube, signal })
  for (const { pod, reason } of unchecked)
    emit({ type: 'warning', message: `certificate of ${pod} not checked for ${host}: ${reason}` })
  const out = options.out ?? `secure-connect-${name}.zip`
  const existing = await existingBundle(out, { namespace, name }, options.overwrite)
  const login = options.withPassword ? await readLogin(kube, datacenter, options) : undefined
  const authorities = await readAuthorities(kube, datacenter)
  const { identity, kind } = await bundleIdentity(context, datacenter, {
    given: given?.identity,
    existing: existing && identityIn(existing),
    commonName: login?.username ?? name,
  })
  const metadata = await metadataResponds(context, probes, { host, port, ca: trustPem(authorities), identity })
  const storePassword = existing?.config.keyStorePassword ?? randomBytes(PASSWORD_BYTES).toString('base64url')
  const stores = await storeFiles({
    formats: ['pem', 'pkcs12', 'jks'],
    authorities,
    identity: { name: 'client', identity },
    password: storePassword,
  })
  const files = bundleFiles({
    host,
    port,
    localDatacenter: cassandraName,
    namespace,
    datacenter: name,
    storePassword,
    login,
    stores,
  })
  const zip = await zipBundle(files)
  const action = context.dryRun
    ? (await readBundleFile(out))?.equals(zip)
      ? 'unchanged'
      : 'written'
    : await writeOutputFile({ path: out, text: zip, mode: 0o600 }, { yes: true })
  emit({ ...step, state: 'done', note: `${out} ${action}` })
  const [leaf] = identity.chain
  return {
    namespace,
    datacenter: name,
    dryRun: context.dryRun,
    host,
    port,
    localDatacenter: cassandraName,
    out,
    action,
    files: [...files.keys()],
    username: login?.username,
    clientCertificate: { kind, subject: leaf.subject, notAfter: leaf.notAfter.toISOString() },
    unchecked,
    metadata,
  }
}

/** Reads the bundle that would be replaced. Throws CSNI104 for any other file. */
async function existingBundle(
  out: string,
  dc: { namespace: string; name: string },
  overwrite: boolean,
): Promise<Bundle | undefined> {
  const bytes = await readBundleFile(out)
  if (bytes === undefined) return undefined
  const refusal = (reason: string) =>
    new CassSniError('CSNI104', `${out} already exists and is ${reason}`, { object: out, next: [again`--yes`] })
  try {
    const bundle = await parseBundle(bytes, out)
    const { namespace, datacenter } = bundle.config
    if (namespace === dc.namespace && datacenter === dc.name) return bundle
    if (!overwrite) throw refusal('a bundle of another datacenter')
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI107') throw error
    if (!overwrite) throw refusal('not a bundle')
  }
  return undefined
}

/** Drivers ask the metadata service first: without it a bundle is useless. */
async function metadataResponds(
  { emit, signal }: WorkflowContext,
  probes: Probes,
  { host, port, ca, identity }: { host: string; port: number; ca: string; identity: Identity },
): Promise<boolean | undefined> {
  if (isIP(host) !== 0) return undefined
  const { dial } = await probes.dialer()
  const client = { cert: chainPem(identity), key: keyPem(identity) }
  try {
    const info = await requestMetadata({ dial, serverName: host, port, ca, client, signal })
    const address = hostPort(host, port)
    if (info.sniProxyAddress === address) return true
    emit({
      type: 'warning',
      message: `metadata service at ${host} sends drivers to ${info.sniProxyAddress} instead of ${address}`,
    })
    return true
  } catch (error) {
    throwIfAborted(signal)
    const { message } = asCassSniError(error)
    emit({ type: 'warning', message: `drivers cannot use the bundle yet: no metadata service at ${host}: ${message}` })
    return false
  }
}
