import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { datacenterFlags, gatewayFlags, timeoutFlag } from '../../lib/cli/flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { ClientsShowResult, Driver } from '../../lib/workflows/clients-show-workflow.ts'

export default class ClientsShow extends CassSniCommand<ClientsShowResult> {
  static override summary = 'Print a program or configuration for a driver.'
  static override description =
    'Prints a complete program with the gateway, host IDs and datacenter filled in. It sends each host ID as SNI and ' +
    'verifies the certificate against it. The program reads user and password from CQL_USER and CQL_PASSWORD.\n' +
    '\n' +
    'spring prints a configuration class. quarkus, jdbc and cqlsh cannot send SNI: their configuration is for a ' +
    'local port of port-forward --sni. dotenv prints the values as KEY=VALUE, for Docker and dotenv libraries.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> -n cassandra --driver python > connect.py',
    '<%= config.bin %> <%= command.id %> -n cassandra --driver java --ca ca.pem --out Connect.java',
    '<%= config.bin %> <%= command.id %> -n cassandra --driver dotenv --address cassandra.example.com',
  ]
  static override flags = {
    driver: Flags.option({
      options: [
        'python',
        'java',
        'node',
        'go',
        'spring',
        'quarkus',
        'jdbc',
        'cqlsh',
        'dotenv',
      ] as const satisfies readonly Driver[],
      required: true,
      summary: 'Driver, framework or tool, or dotenv for variables only.',
    })(),
    ca: Flags.string({
      // in the program; not read here
      helpValue: 'PATH',
      summary: 'Path of the CA certificate in the program (default: DATACENTER-ca.pem).',
    }),
    address: Flags.string({
      helpValue: 'HOST[:PORT]',
      summary: 'Address of the gateway in the program, instead of the load balancer.',
    }),
    out: Flags.string({ helpValue: 'FILE', summary: 'Write the program to a file (-: stdout).' }),
    yes: Flags.boolean({ char: 'y', default: false, summary: 'Overwrite the file if its content differs.' }),
    ...gatewayFlags,
    ...datacenterFlags,
    ...timeoutFlag,
  }

  protected readonly kind = 'ClientsShow'

  protected async work(run: Run): Promise<ClientsShowResult> {
    const { flags } = await this.parse(ClientsShow)
    const { clientsShow } = await import('../../lib/workflows/clients-show-workflow.ts')
    const result = await clientsShow(await run.context('Client'), {
      driver: flags.driver,
      datacenter: flags.datacenter,
      clusterDomain: flags['cluster-domain'],
      gateway: flags.gateway,
      port: flags.port,
      address: flags.address,
      caFile: flags.ca,
      out: flags.out === '-' ? undefined : flags.out,
      overwrite: flags.yes,
    })
    if (result.file !== undefined && run.format === 'text') run.log(`${result.file.path} ${result.file.action}`, 0)
    return result
  }

  protected present(result: ClientsShowResult, renderer: TextRenderer): string {
    return result.file === undefined ? renderer.printable(result.program.trimEnd()) : ''
  }
}
