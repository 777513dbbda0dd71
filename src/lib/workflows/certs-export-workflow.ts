/** `certs export`: writes what clients trust in the formats that they read. Contains no private key. */
import { authorityLocation } from '../cassandra/authority-secret.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { authorityFaults } from '../certificates/authority-policies.ts'
import { storeFiles, type StoreFormat, TRUSTSTORE_PASSWORD } from '../certificates/client-stores.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import { retryOvertaken } from '../changes/apply.ts'
import {
  chosenPassword,
  readStore,
  requireOtherSecret,
  requirePlace,
  type StoreChoice,
  type StoredFile,
  writeStore,
} from './certs/client-store.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

export interface CertsExportOptions extends StoreChoice {
  datacenter?: string | undefined
  /** Default pem. */
  formats?: readonly StoreFormat[] | undefined
}

export interface CertsExportResult {
  namespace: string
  datacenter: string
  dryRun: boolean
  /** The CA. */
  subject: string
  /** ISO 8601. */
  notAfter: string
  fingerprint256: string
  /** Subjects of all CAs to trust: during a rotation also the other one. */
  subjects: string[]
  /** Where the files are. */
  out?: string | undefined
  secret?: string | undefined
  files: StoredFile[]
  /** Whether the truststores have Java's own default password, "changeit". */
  defaultPassword: boolean
}

/**
 * Writes the datacenter's CA, with its issuers up to the root, to a directory or a Secret. A second run changes
 * nothing. An invalid CA, such as an expired one, is written with a warning: the node certificates are signed by it.
 * @throws CSNI101, CSNI102 for invalid options, CSNI401 if the Secret has no CA certificate, and what `writeStore`
 * throws
 */
export async function certsExport(context: WorkflowContext, options: CertsExportOptions): Promise<CertsExportResult> {
  const { kube, emit } = context
  requirePlace(options)
  const password = await chosenPassword(options)
  const dc = await observeDatacenter(kube, { namespace: kube.target.namespace, name: options.datacenter })
  requireOtherSecret(dc, options.secret)
  const location = authorityLocation(dc)
  const authorities = await readAuthorities(kube, dc)
  const [[ca]] = authorities
  const now = clusterTime(context)
  for (const { code, message } of authorities.flatMap((path) => authorityFaults(path, now)))
    emit({
      type: 'warning',
      code: code === 'NoRoot' ? 'CSNI401' : 'CSNI402',
      message: `${location.object}: CA ${message}`,
    })
  const formats = options.formats ?? ['pem']
  const files = await storeFiles({ formats, authorities, password: password ?? TRUSTSTORE_PASSWORD })
  const stored = await retryOvertaken(context.signal, async () =>
    writeStore(context, dc, options, { files, store: await readStore(context, dc.namespace, options) }),
  )
  return {
    namespace: dc.namespace,
    datacenter: dc.name,
    dryRun: context.dryRun,
    subject: ca.subject,
    notAfter: ca.notAfter.toISOString(),
    fingerprint256: ca.fingerprint256,
    subjects: authorities.map(([{ subject }]) => subject),
    out: options.out,
    secret: options.secret,
    files: stored,
    defaultPassword: password === undefined && formats.some((format) => format !== 'pem'),
  }
}
