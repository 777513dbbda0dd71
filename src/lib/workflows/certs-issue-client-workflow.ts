/** `certs issue-client`: issues the certificate of a client, for nodes that require one. */
import { randomBytes } from 'node:crypto'
import { authorityLocation, readAuthorityMaterial } from '../cassandra/authority-secret.ts'
import type { Datacenter } from '../cassandra/datacenter.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { dateText } from '../certificates/certificate.ts'
import { type Authorities, servedAuthorities } from '../certificates/authority-path.ts'
import { type Authority, parseAuthority, requireUsable } from '../certificates/certificate-authority.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import {
  clientFaults,
  clientName,
  commonNameOf,
  type Identity,
  readIdentity,
} from '../certificates/client-certificate.ts'
import { formatsIn, STORE_FILES, storeFiles, type StoreFormat } from '../certificates/client-stores.ts'
import { issueLeaf, validityOf } from '../certificates/issue.ts'
import type { Reason, ReasonCode } from '../certificates/reason.ts'
import { retryOvertaken } from '../changes/apply.ts'
import { again, CassSniError } from '../errors.ts'
import { CLIENT_LABEL } from '../text/own-keys.ts'
import {
  chosenPassword,
  type ClientStore,
  isStorePassword,
  placeText,
  readStore,
  requireOtherSecret,
  requirePlace,
  type StoreChoice,
  type StoredFile,
  writeStore,
} from './certs/client-store.ts'
import { readAuthorityFiles } from './certs/new-authority.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

const PASSWORD_BYTES = 24

export interface IssueClientOptions extends StoreChoice {
  /** The client's name: the common name of its certificate. */
  name: string
  datacenter?: string | undefined
  /** In addition to PEM; default: those that exist. */
  formats?: readonly StoreFormat[] | undefined
  /** Days until the certificate expires. Default 365. */
  days?: number | undefined
  /** PEM files of the CA that signs, and its key; default: the datacenter's CA. */
  caFile?: string | undefined
  caKeyFile?: string | undefined
  /** File with the password of an encrypted key of the CA. */
  caKeyPasswordFile?: string | undefined
  /** Issue a new certificate even if the current one is valid. */
  renew: boolean
}

export interface IssueClientResult {
  namespace: string
  datacenter: string
  dryRun: boolean
  client: string
  /** True if a new certificate was issued. */
  issued: boolean
  /** The CA that signed it. */
  issuer: string
  /** ISO 8601. */
  notAfter: string
  /** Absent in a dry run that would issue. */
  fingerprint256?: string | undefined
  /** Why a new certificate was issued, or would be in a dry run. */
  reasons: string[]
  reasonCodes: ReasonCode[]
  out?: string | undefined
  secret?: string | undefined
  files: StoredFile[]
}

/**
 * Issues a certificate for a new key and writes both, with the datacenter's CA, to a directory or a Secret. A valid
 * certificate is kept, and a second run changes nothing. The private key is generated here and never printed.
 * @throws CSNI101, CSNI102 for invalid options, CSNI104 for a file, CSNI401 or CSNI402 for an unusable CA, and what
 * `writeStore` throws
 */
export async function issueClient(context: WorkflowContext, options: IssueClientOptions): Promise<IssueClientResult> {
  const { kube, emit } = context
  requirePlace(options)
  const name = clientName(options.name)
  const password = await chosenPassword(options)
  const dc = await observeDatacenter(kube, { namespace: kube.target.namespace, name: options.datacenter })
  requireOtherSecret(dc, options.secret)
  const { signer, trusted } = await readSigner(context, dc, options)
  const now = clusterTime(context)
  const warning = requireUsable(signer.path, now, signer.location)
  if (warning !== undefined) emit({ type: 'warning', code: 'CSNI402', message: warning })
  let issued: Identity | undefined
  return retryOvertaken(context.signal, async () => {
    const store = await readStore(context, dc.namespace, options)
    const current = issued ?? currentIdentity(store, name, options, dc)
    const reasons: Reason[] =
      options.renew && issued === undefined && current !== undefined
        ? [{ code: 'Requested', message: 'requested with --renew' }]
        : clientFaults(current, signer.path, now)
    const result = {
      namespace: dc.namespace,
      datacenter: dc.name,
      dryRun: context.dryRun,
      client: name,
      issuer: signer.path[0].subject,
      reasons: reasons.map(({ message }) => message),
      reasonCodes: reasons.map(({ code }) => code),
      out: options.out,
      secret: options.secret,
    }
    if (reasons.length > 0 && context.dryRun) {
      const { notAfter } = validityOf(signer.path[0], now, options.days)
      return { ...result, issued: false, notAfter: notAfter.toISOString(), files: [] }
    }
    if (reasons.length > 0) issued = await issue(context, signer, { name, days: options.days })
    const identity = issued ?? current
    if (identity === undefined) throw new Error('no certificate to keep')
    const files = await storeFiles({
      formats: options.formats ?? formatsIn([...store.files.keys()]),
      authorities: trusted,
      identity: { name, identity },
      password: password ?? storedPassword(store) ?? randomBytes(PASSWORD_BYTES).toString('base64url'),
    })
    const stored = await writeStore(
      context,
      dc,
      // The certificate that it replaces is the client's own.
      { ...options, overwrite: options.overwrite === true || store.files.has(STORE_FILES.key) },
      { files, store, labels: { [CLIENT_LABEL]: name } },
    )
    const [leaf] = identity.chain
    return {
      ...result,
      issued: issued !== undefined,
      notAfter: leaf.notAfter.toISOString(),
      fingerprint256: leaf.fingerprint256,
      files: stored,
    }
  })
}

type Signer = Authority & { location: ReturnType<typeof authorityLocation> }

/** Reads the CA that signs, and those that clients trust. */
async function readSigner(
  context: WorkflowContext,
  dc: Datacenter,
  { caFile, caKeyFile, caKeyPasswordFile }: IssueClientOptions,
): Promise<{ signer: Signer; trusted: Authorities }> {
  const { kube } = context
  const location = authorityLocation(dc)
  if (caFile === undefined && caKeyFile === undefined) {
    const [{ certificate, key }, trusted] = await Promise.all([
      readAuthorityMaterial(kube, dc),
      readAuthorities(kube, dc),
    ])
    return { signer: { ...parseAuthority(certificate, key, location), location }, trusted }
  }
  if (caFile === undefined || caKeyFile === undefined) {
    throw new CassSniError('CSNI102', 'a CA requires both its certificate (--ca-file) and its key (--ca-key-file)', {
      next: [caFile === undefined ? again`--ca-file ca.crt` : again`--ca-key-file ca.key`],
    })
  }
  const [authority, trusted] = await Promise.all([
    readAuthorityFiles(context, { certificate: caFile, key: caKeyFile, passwordFile: caKeyPasswordFile }),
    readAuthorities(kube, dc),
  ])
  return { signer: { ...authority, location: { ...location, object: caFile } }, trusted }
}

/**
 * Returns the client's certificate and key at the chosen place; undefined if it is missing or unusable.
 * @throws CSNI104 if the certificate there belongs to another client
 */
function currentIdentity(
  { files }: ClientStore,
  name: string,
  options: IssueClientOptions,
  { namespace }: Datacenter,
): Identity | undefined {
  const text = (file: string) => files.get(file)?.toString('utf8') ?? ''
  const identity = readIdentity(text(STORE_FILES.certificate), text(STORE_FILES.key))
  if (identity === undefined) return undefined
  const other = commonNameOf(identity.chain[0])
  if (other === name || options.overwrite === true) return other === name ? identity : undefined
  const place = placeText(options, namespace)
  throw new CassSniError('CSNI104', `${place} has the certificate of ${other ?? 'another client'}`, {
    object: place,
    next: [again`${options.out === undefined ? '--secret' : '--out'} ${`${options.secret ?? options.out}-${name}`}`],
  })
}

async function issue(
  { emit, now: clock, kube }: WorkflowContext,
  signer: Signer,
  { name, days }: { name: string; days?: number | undefined },
): Promise<Identity> {
  const step = { type: 'step', id: 'client', title: 'Client certificate' } as const
  emit({ ...step, state: 'started' })
  const { certificate, key } = await issueLeaf({
    authority: signer,
    commonName: name,
    names: [],
    usage: 'client',
    validityDays: days,
    now: clusterTime({ kube, now: clock }),
    randomBytes,
  })
  emit({ ...step, state: 'done', note: `issued, valid until ${dateText(certificate.notAfter)}` })
  return { key, chain: [certificate, ...servedAuthorities(signer.path)] }
}

function storedPassword({ files }: ClientStore): string | undefined {
  const text = files.get(STORE_FILES.password)?.toString('utf8')
  return text !== undefined && isStorePassword(text) ? text : undefined
}
