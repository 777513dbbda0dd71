/** `certs ca`: the certificate authority that clients have to trust. Reads the cluster, changes nothing in it. */
import { authorityObject, readAuthorityCertificate } from '../cassandra/authority-secret.ts'
import { observeDatacenter } from '../cassandra/observe-datacenter.ts'
import { parseCertificate } from '../certificates/certificate-authority.ts'
import { daysUntil } from '../certificates/certificate.ts'
import { CassSniError, command } from '../errors.ts'
import { writeOutputFile } from '../files/output-file.ts'
import type { WorkflowContext } from './context.ts'

export interface CertsCaOptions {
  datacenter?: string
  /** File to write the certificate to. */
  out?: string
  /** Overwrite a file that holds something else. */
  overwrite?: boolean
}

export interface CertsCaResult {
  namespace: string
  datacenter: string
  subject: string
  /** ISO 8601. */
  notBefore: string
  notAfter: string
  fingerprint256: string
  /** The certificate; the key never leaves the cluster. */
  pem: string
  file?: { path: string; action: 'written' | 'unchanged' }
}

/**
 * The CA certificate of a datacenter, PEM. One that has expired is handed out with a warning: it is what the nodes'
 * certificates are made from.
 * @throws CSNI401 when the Secret holds none, CSNI104 when the file cannot be written or holds something else
 */
export async function certsCa(context: WorkflowContext, options: CertsCaOptions = {}): Promise<CertsCaResult> {
  const { kube, emit } = context
  const dc = await observeDatacenter(kube, {
    namespace: kube.target.namespace,
    ...(options.datacenter === undefined ? {} : { name: options.datacenter }),
  })
  const pem = await readAuthorityCertificate(kube, dc)
  const object = authorityObject(dc)
  const certificate = parseCertificate(pem, {
    object,
    secret: dc.keystores.caSecret,
    keystoreSecret: dc.keystores.keystoreSecret,
    namespace: dc.namespace,
  })
  if (certificate.notAfter.getTime() <= context.now()) {
    emit({
      type: 'warning',
      code: 'CSNI402',
      message: `the certificate authority in ${object} expired ${-daysUntil(certificate.notAfter, context.now())} days ago`,
    })
  }
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
    ...(file === undefined ? {} : { file }),
  }
}

/** Writes the file unless it holds the same; something else in it is overwritten only when the user says so. */
async function writeCertificate(
  context: WorkflowContext,
  path: string,
  pem: string,
  overwrite: boolean,
): Promise<NonNullable<CertsCaResult['file']>> {
  // Readable by all: it is what every client may know.
  const replace = async (): Promise<boolean> => overwrite || mayOverwrite(context, path)
  const action = await writeOutputFile({ path, text: pem, mode: 0o644, replace })
  if (action !== 'kept') return { path, action }
  throw new CassSniError('CSNI104', `file ${path} is there already and holds something else`, {
    object: path,
    next: [command`kubectl cass-sni certs ca --out ${path} --yes`],
  })
}

async function mayOverwrite(context: WorkflowContext, path: string): Promise<boolean> {
  const answer = await context.ask?.({
    kind: 'confirm',
    name: 'overwrite',
    flag: '--yes',
    message: `File ${path} holds something else. Overwrite it?`,
    initial: false,
  })
  return answer === 'yes'
}
