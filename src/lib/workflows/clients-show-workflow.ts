/** `clients show`: a program for a driver with the values of this datacenter. Reads the cluster, opens no session. */
import { type Driver, driverPrograms } from '../clients/driver-programs.ts'
import { hostPort } from '../connection/dialer.ts'
import { writeOutputFile } from '../files/output-file.ts'
import { shell } from '../text/shell-words.ts'
import { type ContactChoice, observeContact } from './contact.ts'
import type { WorkflowContext } from './context.ts'

export type { Driver } from '../clients/driver-programs.ts'

const LOGIN = 'a role of the application, in CQL_USER and CQL_PASSWORD'

export interface ClientsShowOptions extends ContactChoice {
  driver: Driver
  /** Path in the program. */
  caFile?: string | undefined
  /** File to write, 0600; else the text is the result. */
  out?: string | undefined
  /** Overwrite a file whose content differs. */
  overwrite?: boolean | undefined
}

export interface ClientsShowResult {
  driver: Driver
  /** Name and version of the library, as its package manager writes it. */
  library?: string | undefined
  host: string
  port: number
  localDatacenter: string
  hostIds: string[]
  /** Where the program expects the CA certificate. */
  caFile: string
  program: string
  /** Set with `out`. */
  file?: { path: string; action: 'written' | 'unchanged' } | undefined
}

/**
 * Returns the program. Without an address of the gateway, it connects to the local port of `port-forward`, which its
 * header states. Throws CSNI104 when the file cannot be written, and what `observeContact` throws.
 */
export async function clientsShow(context: WorkflowContext, options: ClientsShowOptions): Promise<ClientsShowResult> {
  const { driver, out } = options
  const { datacenter, port, dialer: dialing, nodes } = await observeContact(context, options).contact
  const dialer = await dialing
  const { name, namespace } = datacenter
  const { library, file, run, login = LOGIN, notes, throughLocalPort = false, text } = driverPrograms[driver]
  const { address } = dialer
  const { nativePort } = datacenter
  const { host, port: portInProgram } =
    throughLocalPort || address === undefined
      ? { host: '127.0.0.1', port: throughLocalPort ? nativePort : port }
      : address
  const caFile = options.caFile ?? `${name}-ca.pem`
  const which = options.datacenter === undefined ? [] : ['-d', options.datacenter]
  const values = {
    host,
    port: portInProgram,
    caFile,
    hostIds: nodes.map(({ hostId }) => hostId),
    localDatacenter: datacenter.cassandraName,
  }
  const cass = (...words: string[]) =>
    shell`kubectl cass-sni ${words.slice(0, 1)} -n ${[namespace, ...which, ...words.slice(1)]}`
  // a tunnel requires more permissions than the gateway
  const through = address === undefined ? [] : ['--gateway-address', hostPort(address.host, address.port)]
  const comment = [
    `${file}: datacenter ${name} in namespace ${namespace}, written by kubectl cass-sni clients show.`,
    ...(library === undefined ? [] : [`Library: ${library}`]),
    ...run.map((line) => `  ${line}`),
    ...(throughLocalPort
      ? [`Local port: ${cass('port-forward', '--sni', 'any', '--port', String(nativePort), ...through)}`]
      : [`CA certificate: ${shell`kubectl cass-sni certs ca -n ${[namespace, ...which]} --out ${caFile}`}`]),
    ...(login === '' ? [] : [`Login: ${login}`]),
    ...(notes?.(cass) ?? []),
    ...(!throughLocalPort && address === undefined
      ? [`Gateway without an address: ${cass('port-forward', '--port', String(port))}`]
      : []),
  ]
  const program = text({ ...values, comment })
  const written =
    out === undefined
      ? undefined
      : await writeOutputFile(
          { path: out, text: program, mode: 0o600 },
          { yes: options.overwrite === true, ask: context.ask },
        )
  return {
    driver,
    library,
    ...values,
    program,
    file: out === undefined || written === undefined ? undefined : { path: out, action: written },
  }
}
