/** `certs ca`: prints the CA certificate that clients must trust. Changes nothing in the cluster. */
import { authorityLocation } from '../cassandra/authority-secret.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { trustPem } from '../certificates/authority-path.ts'
import { authorityErrorCode, authorityFaults } from '../certificates/authority-policies.ts'
import { readAuthorities } from '../certificates/gather/read-authorities.ts'
import { writeOutputFile } from '../files/output-file.ts'
import { clusterTime } from './cluster-time.ts'
import type { WorkflowContext } from './context.ts'

export interface CertsCaOptions {
  datacenter?: string | undefined
  /** File to write the certificate to. */
  out?: string | undefined
  /** Overwrite the file if its content differs. */
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
  /** Subjects of all CAs to trust: during a rotation also the other one. */
  subjects: string[]
  /** The CA certificate, for an intermediate CA followed by its issuers up to the root. Never the private key. */
  pem: string
  file?: { path: string; action: 'written' | 'unchanged' } | undefined
}

/**
 * Returns the CA certificate that clients must trust, PEM. An invalid CA, such as an expired one, is returned with a
 * warning, because the node certificates are signed by it.
 * @throws CSNI401 if the Secret has no CA certificate, CSNI104 if the file cannot be written or its content differs
 */
export async function certsCa(context: WorkflowContext, options: CertsCaOptions = {}): Promise<CertsCaResult> {
  const { kube, emit } = context
  const dc = await observeDatacenter(kube, {
    namespace: kube.target.namespace,
    name: options.datacenter,
  })
  const location = authorityLocation(dc)
  const authorities = await readAuthorities(kube, dc)
  const [[certificate]] = authorities
  const pem = trustPem(authorities)
  const now = clusterTime(context)
  for (const fault of authorities.flatMap((path) => authorityFaults(path, now)))
    emit({
      type: 'warning',
      code: authorityErrorCode(fault),
      message: `${location.object}: CA ${fault.message}`,
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
    subjects: authorities.map(([{ subject }]) => subject),
    pem,
    file,
  }
}

/** Writes the certificate readable by everyone: it is public. */
async function writeCertificate(
  { ask }: WorkflowContext,
  path: string,
  pem: string,
  yes: boolean,
): Promise<NonNullable<CertsCaResult['file']>> {
  return { path, action: await writeOutputFile({ path, text: pem, mode: 0o644 }, { yes, ask }) }
}
