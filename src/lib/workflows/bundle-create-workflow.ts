/** `bundle create`: a secure connect bundle for applications outside the cluster. */
import { randomBytes } from 'node:crypto'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { type Authorities, trustPem } from '../certificates/authority-path.ts'
import { readCertificate } from '../certificates/certificate.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import { chainPem, keyPem } from '../certificates/client-certificate.ts'
import { storeFiles } from '../certificates/client-stores.ts'
import { liveProbes } from '../checks/live-probes.ts'
import type { Bundle } from '../clients/read-bundle.ts'
import { bundleFiles, zipBundle } from '../clients/secure-connect-bundle.ts'
import { parseAddress } from '../connection/dialer.ts'
import { again, CassSniError, throwIfAborted } from '../errors.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import { pemBlocks } from '../text/pem.ts'
import { readAuthorityFile } from './authority-file.ts'
import { type ApplicationRole, applicationRole, type RoleChange } from './bundle/application-role.ts'
import { type BundleIdentity, bundleIdentity, identityIn } from './bundle/bundle-identity.ts'
import { type BundleLoginChoice, loginIn, refuseLostLogin, requestedRole, requireLogin } from './bundle/bundle-login.ts'
import {
  bundleFileName,
  bundlePlace,
  type BundlePlace,
  parseBundle,
  placeText,
  readPlace,
  type StoredBundle,
  writePlace,
} from './bundle/bundle-place.ts'
import { isStorePassword, requireOtherSecret } from './certs/client-store.ts'
import { warnOfPublicAddress } from './bundle/public-address.ts'
import { choosePublicName, requireServedName, type UncheckedNode } from './bundle/public-name.ts'
import { readLogin } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'
import { chosenIdentity } from './find-identity.ts'

const PASSWORD_BYTES = 24

export interface BundleCreateOptions extends BundleLoginChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  /** Of the gateway. */
  port?: number | undefined
  /** "host[:port]" to connect to instead of the load balancer. */
  address?: string | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
  /** Default: that of the metadata service, else the only one in the settings of the certificates. */
  publicName?: string | undefined
  /** The port that clients connect to; default: that of the existing bundle, else the gateway's. */
  publicPort?: number | undefined
  /** File, or Secret/NAME; default: secure-connect-<datacenter>.zip. */
  out?: string | undefined
  /** Of the Secret; default: the datacenter's. */
  secretNamespace?: string | undefined
  /** Overwrite a file that is not a bundle of this datacenter. */
  overwrite: boolean
}

export interface BundleCreateResult {
  namespace: string
  datacenter: string
  dryRun: boolean
  /** Public name and port of the gateway, as in the bundle. */
  host: string
  port: number
  localDatacenter: string
  /** The file, or "secret/x in namespace y". */
  out: string
  action: 'written' | 'unchanged'
  /** Names of the files in the bundle. */
  files: string[]
  /** The role whose login it includes. */
  username?: string | undefined
  /** What was done to the role, with `createRole`. */
  role?: RoleChange | undefined
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
 * @throws CSNI101, CSNI102, CSNI105 for invalid options, CSNI602 if a node's certificate lacks the name, CSNI104 for a
 * file that is not a bundle of this datacenter, CSNI304 without a login, CSNI605 for a role, and what reading throws
 */
export async function bundleCreate(
  context: WorkflowContext,
  options: BundleCreateOptions,
): Promise<BundleCreateResult> {
  const { kube, signal, emit, dryRun } = context
  const { gateway, address, tunnel, overwrite } = options
  if (address !== undefined) parseAddress(address, options.port ?? DEFAULT_GATEWAY_PORT)
  const requested = requestedRole(options)
  const chosenPlace = options.out === undefined ? undefined : bundlePlace(options.out, options.secretNamespace)
  const step = { type: 'step', id: 'bundle', title: 'Bundle' } as const
  emit({ ...step, state: 'started' })
  const given = await chosenIdentity(options, signal)
  const { datacenter, choices } = await observeRouted(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
    confirm: true,
  })
  const { name, namespace, cassandraName } = datacenter
  const metadataName = choices.names?.metadata
  const host = await choosePublicName(kube, datacenter, { requested: options.publicName, metadata: metadataName })
  const port = options.port ?? choices.port ?? DEFAULT_GATEWAY_PORT
  const place = chosenPlace ?? bundlePlace(bundleFileName(name), options.secretNamespace)
  if ('secret' in place && (place.namespace ?? namespace) === namespace)
    requireOtherSecret(datacenter, place.secret, (secret) => again`--out Secret/${secret}`)
  const out = placeText(place, namespace)
  const stored = await readPlace(place, namespace, kube)
  const existing = await existingBundle(stored, { namespace, name, out, overwrite })
  const publicPort = options.publicPort ?? mappedPort(existing, port) ?? port
  const authorities = await trustedAuthorities(context, datacenter, options.caFile)
  const { identity, kind } = await bundleIdentity(context, datacenter, {
    given: given?.identity,
    existing: existing && identityIn(existing),
    commonName: requested?.name ?? options.username ?? name,
  })
  const ownLogin = options.withPassword ? await readLogin(kube, datacenter, options) : undefined
  const ca = { file: options.caFile ?? '', pem: trustPem(authorities) }
  const client = { cert: chainPem(identity), key: keyPem(identity) }
  const now = clusterTime(context)
  const reading = {
    kube,
    datacenter,
    choices,
    gateway,
    port,
    address,
    tunnel,
    ca,
    identity: client,
    login: ownLogin,
    signal,
    now,
  }
  const probes = liveProbes(reading)
  const unchecked = await requireServedName(probes, { name: host, metadata: metadataName, kube, signal })
  for (const { pod, reason } of unchecked)
    emit({ type: 'warning', message: `certificate of ${pod} not checked for ${host}: ${reason}` })
  if (ownLogin !== undefined) await requireLogin(probes)
  const role =
    requested === undefined
      ? undefined
      : await applicationRole(
          context,
          { ...options, tunnel: tunnel ? 'always' : 'auto', insecureSkipTlsVerify: false },
          { ...requested, known: existing?.config, client: kind === 'self-signed' ? undefined : client, place: out },
        )
  try {
    const login = ownLogin ?? role?.credentials ?? loginIn(existing)
    if (!overwrite) refuseLostLogin(login, loginIn(existing), out)
    const metadata = await warnOfPublicAddress(context, probes, { host, port: publicPort, ca: ca.pem, client })
    const storePassword = storePasswordIn(existing) ?? randomBytes(PASSWORD_BYTES).toString('base64url')
    const files = bundleFiles({
      host,
      port: publicPort,
      gatewayPort: port,
      localDatacenter: cassandraName,
      namespace,
      datacenter: name,
      storePassword,
      login,
      stores: await stores(authorities, identity, storePassword),
    })
    const zip = await zipBundle(files)
    const { action, change } = await written(context, { datacenter, place, zip, stored, role })
    emit({ ...step, state: 'done', note: `${out} ${dryRun && action === 'written' ? 'would be written' : action}` })
    const [leaf] = identity.chain
    return {
      namespace,
      datacenter: name,
      dryRun,
      host,
      port: publicPort,
      localDatacenter: cassandraName,
      out,
      action,
      files: [...files.keys()],
      username: login?.username,
      role: change,
      clientCertificate: { kind, subject: leaf.subject, notAfter: leaf.notAfter.toISOString() },
      unchecked,
      metadata,
    }
  } finally {
    await role?.close()
  }
}

/** Returns the CAs that drivers trust: those of the file, else the datacenter's. */
async function trustedAuthorities(
  { kube, signal }: WorkflowContext,
  datacenter: Datacenter,
  caFile: string | undefined,
): Promise<Authorities> {
  if (caFile === undefined) return readAuthorities(kube, datacenter)
  const certificates = pemBlocks(await readAuthorityFile(caFile, signal), 'CERTIFICATE').map(readCertificate)
  // readAuthorityFile accepts no file without a certificate
  return certificates.map((each) => [each]) as unknown as Authorities
}

/** Returns the public port of a bundle that was created for this gateway port; undefined if they are the same. */
function mappedPort(bundle: Bundle | undefined, port: number): number | undefined {
  return bundle?.config.gatewayPort === port ? bundle.config.port : undefined
}

/** Returns the password of the keystores, if Java accepts it. */
function storePasswordIn(bundle: Bundle | undefined): string | undefined {
  const password = bundle?.config.keyStorePassword
  return password !== undefined && isStorePassword(password) ? password : undefined
}

function stores(authorities: Authorities, identity: BundleIdentity['identity'], password: string) {
  return storeFiles({
    formats: ['pem', 'pkcs12', 'jks'],
    authorities,
    identity: { name: 'client', identity },
    password,
  })
}

/** Reads the bundle that would be replaced. Throws CSNI104 for anything else. */
async function existingBundle(
  { bytes }: StoredBundle,
  dc: { namespace: string; name: string; out: string; overwrite: boolean },
): Promise<Bundle | undefined> {
  if (bytes === undefined) return undefined
  const refusal = (reason: string) =>
    new CassSniError('CSNI104', `${dc.out} already exists and is ${reason}`, { object: dc.out, next: [again`--yes`] })
  try {
    const bundle = await parseBundle(bytes, dc.out)
    const { namespace, datacenter } = bundle.config
    if (namespace === dc.namespace && datacenter === dc.name) return bundle
    if (!dc.overwrite) throw refusal('a bundle of another datacenter')
  } catch (error) {
    if (!(error instanceof CassSniError) || error.code !== 'CSNI107') throw error
    if (!dc.overwrite) throw refusal('not a bundle')
  }
  return undefined
}

interface Writing {
  datacenter: Datacenter
  place: BundlePlace
  zip: Buffer
  stored: StoredBundle
  role: ApplicationRole | undefined
}

/** Creates the role and writes the bundle, or neither: a role without its bundle has a password that is lost. */
async function written(
  context: WorkflowContext,
  { datacenter, place, zip, stored, role }: Writing,
): Promise<{ action: 'written' | 'unchanged'; change: RoleChange | undefined }> {
  try {
    throwIfAborted(context.signal)
    const change = await role?.apply()
    return { action: await writePlace(context, datacenter, place, { zip, stored }), change }
  } catch (error) {
    await role?.revert()
    throw error
  }
}
