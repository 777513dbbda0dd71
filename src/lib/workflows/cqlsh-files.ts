/**
 * `cqlsh-sni --print-env` and `--print-cqlshrc`: configuration files for other clients. Reads the cluster, opens no
 * session.
 */
import { shell } from '../text/shell-words.ts'
import { resolve } from 'node:path'
import { cqlshrcFile, environmentFile } from '../clients/client-files.ts'
import { writeOutputFile } from '../files/output-file.ts'
import { type Access, observeAccess, type SessionChoice } from './cqlsh-session.ts'
import type { WorkflowContext } from './context.ts'

export interface ClientFilesOptions extends SessionChoice {
  form: 'env' | 'cqlshrc'
  withPassword: boolean
  /** File to write, 0600; else the text is the result. */
  out?: string | undefined
  /** File to write the CA certificate to, 0600. */
  caOut?: string | undefined
  /** Overwrite files whose content differs. */
  overwrite?: boolean | undefined
}

export interface ClientFilesResult {
  /** The text when it was not written to a file. Includes the password if requested. */
  text?: string | undefined
  /** The requested files. */
  files: string[]
  /** Those of them whose content was the same. */
  unchanged?: string[] | undefined
}

/** Throws CSNI104 when a file cannot be written, and what `observeAccess` throws. */
export async function clientFiles(context: WorkflowContext, options: ClientFilesOptions): Promise<ClientFilesResult> {
  const access = await observeAccess(context, options)
  const { datacenter, credentials } = access
  const caFile = options.caOut ?? options.caFile
  const place = placeOf(access, options)
  const input = {
    host: place.host,
    port: place.port,
    username: credentials.username,
    password: options.withPassword ? credentials.password : undefined,
    caFile: caFile === undefined ? `${datacenter.name}-ca.pem` : resolve(caFile),
    localDatacenter: datacenter.cassandraName,
    hostIds: access.nodes.map((node) => node.hostId),
    comment: [
      `Datacenter ${datacenter.name} in namespace ${datacenter.namespace}, written by kubectl cass-sni cqlsh-sni.`,
      ...place.comment,
      ...(caFile === undefined
        ? [
            'Write the CA certificate: ' +
              `${shell`kubectl cass-sni certs ca -n ${datacenter.namespace} --out ${datacenter.name}-ca.pem`}`,
          ]
        : []),
      ...(options.withPassword
        ? []
        : [`The password is in secret/${datacenter.superuserSecret}; --with-password includes it.`]),
    ],
  }
  const text = options.form === 'env' ? environmentFile(input) : cqlshrcFile(input)
  const { out, caOut } = options
  const wanted = [
    ...(caOut === undefined ? [] : [{ path: caOut, text: access.ca }]),
    ...(out === undefined ? [] : [{ path: out, text }]),
  ]
  const unchanged: string[] = []
  for (const file of wanted) {
    const overwriting = { yes: options.overwrite === true, ask: context.ask }
    // Only their owner can read them.
    if ((await writeOutputFile({ ...file, mode: 0o600 }, overwriting)) === 'unchanged') unchanged.push(file.path)
  }
  return {
    text: out === undefined ? text : undefined,
    files: wanted.map(({ path }) => path),
    unchanged: unchanged.length === 0 ? undefined : unchanged,
  }
}

/** Where a client connects to. Apache's cqlsh sends no SNI, so it needs a connection to one node only. */
function placeOf(
  { dialer, datacenter, port }: Access,
  options: ClientFilesOptions,
): { host: string; port: number; comment: string[] } {
  const { namespace } = datacenter
  const which = options.datacenter === undefined ? [] : ['-d', options.datacenter]
  if (options.form === 'cqlshrc' && options.address === undefined) {
    const to = [namespace, ...which, '--target', 'node', '--node', String(options.node ?? 0), '--port', String(port)]
    const forward = shell`kubectl cass-sni port-forward -n ${to}`
    return {
      host: '127.0.0.1',
      port,
      comment: [`cqlsh sends no SNI. Forward a port to one node first: ${forward}`],
    }
  }
  const noSni =
    'cqlsh also reads CQLSH_HOST but sends no SNI: for cqlsh, use --print-cqlshrc and unset these variables.'
  const sni = 'Send a host ID (CASS_SNI_HOST_IDS) as SNI and verify the certificate against it.'
  if (dialer.address !== undefined) return { ...dialer.address, comment: options.form === 'env' ? [sni, noSni] : [] }
  return {
    host: '127.0.0.1',
    port,
    comment: [
      sni,
      noSni,
      'The gateway has no address. Forward a port to it first: ' +
        `${shell`kubectl cass-sni port-forward -n ${[namespace, ...which]} --port ${port}`}`,
    ],
  }
}
