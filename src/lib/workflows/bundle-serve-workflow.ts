/** `bundle serve`: a secure connect bundle for this machine, and what it needs, until the end of the command. */
import { randomBytes } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { type Authority, parseAuthority } from '../certificates/certificate-authority.ts'
import { chainPem, type Identity, keyPem } from '../certificates/client-certificate.ts'
import { storeFiles } from '../certificates/client-stores.ts'
import { createAuthority } from '../certificates/create-authority.ts'
import { issueLeaf } from '../certificates/issue.ts'
import { coverage } from '../certificates/policies.ts'
import { liveProbes } from '../checks/live-probes.ts'
import { METADATA_PATH, metadataDocument } from '../clients/metadata-document.ts'
import { bundleFiles, zipBundle } from '../clients/secure-connect-bundle.ts'
import { listenForBundle } from '../connection/bundle-listener.ts'
import type { ServerCertificate } from '../connection/metadata-server.ts'
import { dialVerified } from '../connection/verified-dial.ts'
import { asCassSniError, CassSniError, hint } from '../errors.ts'
import { writeOutputFile } from '../files/output-file.ts'
import { DEFAULT_GATEWAY_PORT } from '../routes/choices.ts'
import { observeRouted } from '../routes/gather.ts'
import { pause } from '../waiting/poll.ts'
import { requireLogin } from './bundle/bundle-login.ts'
import { parseBundle, readPlace } from './bundle/bundle-place.ts'
import { type LoginChoice, readLogin } from './client-login.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'
import { readAuthority } from './cqlsh-session.ts'
import { chosenIdentity, identityFor } from './find-identity.ts'

const LOCALHOST = 'localhost'
/** For CQL: Node.js resolves names by DNS only, and not every DNS server has localhost. */
const ADDRESS = '127.0.0.1'
const DAYS = 30
const PASSWORD_BYTES = 24
/** How often the nodes are read, in ms. */
const REREAD_MS = 2_000

export interface BundleServeOptions extends LoginChoice {
  datacenter?: string | undefined
  clusterDomain?: string | undefined
  /** "namespace/service" or "service". */
  gateway?: string | undefined
  /** Of the gateway. */
  gatewayPort?: number | undefined
  /** "host[:port]" to connect to instead of the load balancer. */
  address?: string | undefined
  /** Connect through the API server even if the load balancer is reachable. */
  tunnel: boolean
  /** The local port; 0: any free one. */
  port: number
  /** Include user and password. */
  withPassword: boolean
  /** File to write; default: secure-connect-<datacenter>-localhost.zip. */
  out?: string | undefined
  overwrite: boolean
  /** Called once the port is open and the bundle is written. */
  ready: (serving: BundleServing) => void
  /** Called if a node cannot be reached. */
  failed: (error: CassSniError) => void
}

export interface BundleServing {
  out: string
  port: number
  datacenter: string
  /** The role whose login the bundle has. */
  username?: string | undefined
}

/**
 * Serves until the signal is aborted, then deletes the bundle and throws the signal's reason. The bundle has a CA that
 * exists only for this run; connections to the nodes are verified with the datacenter's CA.
 * @throws CSNI106 if the port is in use, CSNI104 for the file, CSNI604 if Cassandra rejects the login, and what reading
 * throws
 */
export async function bundleServe(context: WorkflowContext, options: BundleServeOptions): Promise<never> {
  const { kube, signal, now } = context
  const choice = {
    namespace: kube.target.namespace,
    name: options.datacenter,
    clusterDomain: options.clusterDomain,
    confirm: true,
  }
  const given = await chosenIdentity(options, signal)
  const { datacenter: first, choices } = await observeRouted(kube, choice)
  let datacenter = first
  const [ca, client, login] = await Promise.all([
    readAuthority(kube, first),
    identityFor(kube, first, given, now()),
    options.withPassword ? readLogin(kube, first, options) : undefined,
  ])
  const { gateway, address, tunnel, gatewayPort = choices.port ?? DEFAULT_GATEWAY_PORT } = options
  const time = clusterTime(context)
  const way = { gateway, port: gatewayPort, address, tunnel }
  const access = { login, identity: client }
  const probes = liveProbes({ kube, datacenter: first, choices, ...way, ...access, signal, now: time })
  if (login !== undefined) await requireLogin(probes)
  const { dial } = await probes.dialer()
  const out = options.out ?? `secure-connect-${first.name}-${LOCALHOST}.zip`
  await requireOwn(out)
  const local = await LocalCertificates.create(first, now())
  const end = new AbortController()
  const stop = AbortSignal.any([signal, end.signal])
  const { port, done } = await listenForBundle({
    port: options.port,
    metadata: {
      path: METADATA_PATH,
      name: LOCALHOST,
      document: (address) => metadataDocument(datacenter, address.replace(LOCALHOST, ADDRESS)),
    },
    certificateFor: (name) => local.for(name, datacenter),
    dial: (hostId, within) => dialVerified(dial, { serverName: hostId, ca, client }, within),
    signal: stop,
    onFailure: options.failed,
  })
  const { name, namespace, cassandraName: localDatacenter } = first
  let zip: Buffer | undefined
  try {
    const storePassword = randomBytes(PASSWORD_BYTES).toString('base64url')
    const stores = await storeFiles({
      formats: ['pem', 'pkcs12', 'jks'],
      authorities: [local.authority.path],
      identity: { name: 'client', identity: await local.client(now()) },
      password: storePassword,
    })
    const content = {
      host: LOCALHOST,
      port,
      localDatacenter,
      namespace,
      datacenter: name,
      storePassword,
      login,
      stores,
    }
    zip = await zipBundle(bundleFiles(content))
    await writeOutputFile({ path: out, text: zip, mode: 0o600 }, { yes: options.overwrite, ask: context.ask })
    options.ready({ out, port, datacenter: name, username: login?.username })
    for (;;) {
      await pause(REREAD_MS, signal)
      // a node that cannot be reached is reported when a driver connects
      datacenter = await observeRouted(kube, choice).then(
        (read) => read.datacenter,
        () => datacenter,
      )
    }
  } finally {
    end.abort(new CassSniError('CSNI902', 'the bundle is no longer served'))
    await Promise.all([done, removeOwn(out, zip)])
  }
}

/**
 * Refuses to replace what another command wrote: it would be deleted at the end.
 * @throws CSNI104; CSNI107 if the file is not a bundle
 */
async function requireOwn(path: string): Promise<void> {
  const { bytes } = await readPlace({ file: path }, '', undefined)
  if (bytes === undefined || (await parseBundle(bytes, path)).config.host === LOCALHOST) return
  throw new CassSniError(
    'CSNI104',
    `file ${path} is a bundle for other machines, which bundle serve does not replace`,
    {
      object: path,
      next: [hint('write another file with --out: it is deleted at the end')],
    },
  )
}

/** Deletes the bundle, unless another file has taken its place. */
async function removeOwn(path: string, zip: Buffer | undefined): Promise<void> {
  if (zip === undefined) return
  const found = await readFile(path).catch(() => undefined)
  if (found?.equals(zip) === true) await rm(path, { force: true }).catch((error: unknown) => asCassSniError(error))
}

/** A CA for this run, and its certificates for localhost and the host IDs. */
class LocalCertificates {
  readonly authority: Authority
  readonly #now: number
  #leaf: Promise<{ names: readonly string[] } & ServerCertificate> | undefined

  private constructor(authority: Authority, now: number) {
    this.authority = authority
    this.#now = now
  }

  static async create({ namespace, name }: Datacenter, now: number): Promise<LocalCertificates> {
    const made = await createAuthority({ datacenter: LOCALHOST, namespace, days: DAYS, now, randomBytes })
    const location = { object: 'the CA of this run', secret: '', namespace, datacenter: name }
    return new LocalCertificates(parseAuthority(made.certificate, made.key, location), now)
  }

  /** One certificate for all names; another one when there is a new host ID. */
  async for(serverName: string, { nodes }: Datacenter): Promise<ServerCertificate> {
    const current = await this.#leaf
    const isNode = nodes.some(({ hostId }) => hostId === serverName)
    if (current !== undefined && (!isNode || coverage(current.names)(serverName))) return current
    const names = [...new Set([LOCALHOST, ADDRESS, ...nodes.flatMap(({ hostId }) => hostId ?? [])])]
    this.#leaf = this.#issue(names)
    return this.#leaf
  }

  async client(now: number): Promise<Identity> {
    const { authority } = this
    const request = { authority, commonName: 'client', names: [], usage: 'client' as const, now, randomBytes }
    const { certificate, key } = await issueLeaf({ ...request, validityDays: DAYS })
    return { key, chain: [certificate, authority.path[0]] }
  }

  async #issue(names: readonly string[]): Promise<{ names: readonly string[] } & ServerCertificate> {
    const { authority } = this
    const request = { authority, commonName: LOCALHOST, names, usage: 'server' as const, now: this.#now, randomBytes }
    const { certificate, key } = await issueLeaf({ ...request, asDnsNames: [ADDRESS], validityDays: DAYS })
    const identity: Identity = { key, chain: [certificate] }
    return { names, cert: chainPem(identity), key: keyPem(identity) }
  }
}
