import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags, outputFlag, withoutFlags } from '../../lib/cli/flags.ts'
import {
  addressFlag,
  API_SERVER_CERTIFICATE,
  clientOptions,
  loginFlags,
  tunnelFlag,
} from '../../lib/cli/login-flags.ts'

const { ca: _ca, ...ownLoginFlags } = loginFlags
const { yes } = changeFlags
const { port: gatewayPort, ...otherGatewayFlags } = gatewayFlags

export default class BundleServe extends CassSniCommand<undefined> {
  static override summary = 'Serve a secure connect bundle on this machine.'
  static override description =
    'Opens a local port for drivers on this machine and writes a bundle for it, until Ctrl-C, which deletes the ' +
    'bundle. For development: no public name and no metadata service are required.\n' +
    '\n' +
    "The bundle has its own CA. Connections continue as TLS to the nodes, verified with the datacenter's CA."
  static override examples = [
    '<%= config.bin %> <%= command.id %> -n cassandra',
    { description: 'On a fixed port', command: '<%= config.bin %> <%= command.id %> -n cassandra --port 9142' },
  ]
  static override baseFlags = withoutFlags(CassSniCommand.baseFlags, 'username', 'password', ...API_SERVER_CERTIFICATE)
  static override flags = {
    port: Flags.integer({
      min: 0,
      max: 65_535,
      default: 0,
      helpValue: 'PORT',
      summary: 'Local port; 0: any free one.',
    }),
    out: Flags.string({
      helpValue: 'FILE',
      summary: 'File to write (default: secure-connect-DATACENTER-localhost.zip).',
    }),
    'with-password': Flags.boolean({ summary: 'Include user and password.' }),
    ...ownLoginFlags,
    username: {
      ...ownLoginFlags.username,
      dependsOn: ['with-password'],
      summary:
        'Role whose login to include (default: the superuser). Reads the password from CASS_SNI_PASSWORD, stdin ' +
        '(--password-stdin) or a prompt.',
    },
    ...datacenterFlags,
    ...otherGatewayFlags,
    'gateway-port': gatewayPort,
    ...addressFlag,
    ...tunnelFlag,
    yes,
    output: outputFlag(['text', 'json']),
  }

  protected readonly kind = 'BundleServe'
  protected override readonly enveloped = 'lines'
  protected override readonly untilInterrupted = true

  protected async work(run: Run): Promise<undefined> {
    const { flags } = await this.parse(BundleServe)
    const [{ bundleServe }, { printableLine }, { jsonLine }] = await Promise.all([
      import('../../lib/workflows/bundle-serve-workflow.ts'),
      import('../../lib/text/untrusted.ts'),
      import('../../lib/output/envelope.ts'),
    ])
    const client = await clientOptions({ ...flags, port: undefined })
    return bundleServe(await run.context('Bundle'), {
      ...client,
      gatewayPort: flags['gateway-port'],
      tunnel: flags.tunnel,
      port: flags.port,
      withPassword: flags['with-password'],
      out: flags.out,
      overwrite: flags.yes,
      ready: (result) => {
        const { out, port, datacenter, username } = result
        const login = username === undefined ? '' : `, login ${username}`
        const text = `Serving ${out} for datacenter ${datacenter} on localhost:${port}${login}`
        if (run.format === 'json')
          run.print(jsonLine({ apiVersion: 'cass-sni/v1', kind: this.kind, result, warnings: [] }))
        else run.print(`${printableLine(text)}\n`)
      },
      failed: (error) => run.log(`connection failed: ${error.message} [${error.code}]`, 0),
    })
  }

  protected present(): string {
    return ''
  }
}
