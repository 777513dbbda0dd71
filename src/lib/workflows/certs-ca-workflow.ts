/** `certs ca`: the certificate authority that clients have to trust. Reads the cluster, changes nothing in it. */
import { authorityPlace, readAuthorityCertificate } from '../cassandra/authority-secret.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { parseAuthorityPath, trustPem } from '../certificates/certificate-authority.ts'
import { authorityFaults } from '../certificates/policies.ts'
import { writeOutputFile } from '../files/output-file.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

export interface CertsCaOptions {
  datacenter?: string | undefined
  /** File to write the certificate to. */
  out?: string | undefined
  /** Overwrite a file that holds something else. */
  overwrite?: boolean | undefined
}

export interface CertsCaResult {
  namespace: string
  datacenter: string
  subject: string
  /** ISO 8601. */
  notBefore: string
  notAfter: string
  fingerprint256: string
  /** The certificate, with an intermediate CA also its issuers up to the root; the key never leaves the cluster. */
  pem: string
  file?: { path: string; action: 'written' | 'unchanged' } | undefined
}

/**
 * What clients have to trust, PEM. A CA with a fault, an expired one for instance, is handed out with a warning: it is
 * what the nodes' certificates are made from.
 * @throws CSNI401 when the Secret holds none, CSNI104 when the file cannot be written or holds something else
 */
export async function certsCa(context: WorkflowContext, options: CertsCaOptions = {}): Promise<CertsCaResult> {
  const { kube, emit } = context
  const dc = await observeDatacenter(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
  })
  const place = authorityPlace(dc)
  const path = parseAuthorityPath(await readAuthorityCertificate(kube, dc), place)
  const [certificate] = path
  const pem = trustPem(path)
  for (const { code, message } of authorityFaults(path, clusterTime(context)))
    emit({
      type: 'warning',
      code: code === 'NoRoot' ? 'CSNI401' : 'CSNI402',
      message: `the certificate authority in ${place.object}: ${message}`,
    })
  const file =
    options.out === undefined
      ? undefined
      : await writeCertificate(context, options.out, pem, options.overwrite === true)
  return {
    namespace: dc.namespace,
    datacenter: dc.name,
    subject: certificate.subject,
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
    fingerprint256: certificate.fingerprint256,
    pem,
    file,
  }
}

/** Readable by all: it is what every client may know. */
async function writeCertificate(
  { ask }: WorkflowContext,
  path: string,
  pem: string,
  yes: boolean,
): Promise<NonNullable<CertsCaResult['file']>> {
  return { path, action: await writeOutputFile({ path, text: pem, mode: 0o644 }, { yes, ask }) }
}
