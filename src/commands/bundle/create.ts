import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags, withoutFlags } from '../../lib/cli/flags.ts'
import { API_SERVER_CERTIFICATE, clientOptions, loginFlags } from '../../lib/cli/login-flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { BundleCreateResult } from '../../lib/workflows/bundle-create-workflow.ts'

const { ca: _ca, ...ownLoginFlags } = loginFlags

export default class BundleCreate extends CassSniCommand<BundleCreateResult> {
  static override summary = 'Create a secure connect bundle for drivers.'
  static override description =
    'Writes a zip file with everything that a driver needs to connect through the gateway: its public name and port, ' +
    'the CA, a client certificate and keystores. Drivers for Python, Java, Node.js and C#, and cql-proxy read it.\n' +
    '\n' +
    "The public name must be in every node's certificate. A second run keeps the keys and passwords in the bundle."
  static override examples = [
    '<%= config.bin %> <%= command.id %> -n cassandra --public-name cassandra.example.com',
    {
      description: 'With the login of a role',
      command: 'CASS_SNI_PASSWORD=… <%= config.bin %> <%= command.id %> -n cassandra --with-password --username app',
    },
  ]
  static override baseFlags = withoutFlags(CassSniCommand.baseFlags, 'username', 'password', ...API_SERVER_CERTIFICATE)
  static override flags = {
    'public-name': Flags.string({
      helpValue: 'NAME',
      summary: 'Public DNS name of the gateway (default: the only one in the settings of the certificates).',
    }),
    out: Flags.string({ helpValue: 'FILE', summary: 'File to write (default: secure-connect-DATACENTER.zip).' }),
    'with-password': Flags.boolean({ default: false, summary: 'Include user and password.' }),
    ...ownLoginFlags,
    ...datacenterFlags,
    ...gatewayFlags,
    tunnel: Flags.boolean({
      default: false,
      summary: 'Connect through the API server, even if the load balancer is reachable.',
    }),
    ...changeFlags,
  }

  protected readonly kind = 'BundleCreate'

  protected async work(run: Run): Promise<BundleCreateResult> {
    const { flags } = await this.parse(BundleCreate)
    const { bundleCreate } = await import('../../lib/workflows/bundle-create-workflow.ts')
    return bundleCreate(await run.context('Bundle'), {
      ...(await clientOptions(flags)),
      tunnel: flags.tunnel,
      publicName: flags['public-name'],
      withPassword: flags['with-password'],
      out: flags.out,
      overwrite: flags.yes,
    })
  }

  protected present(result: BundleCreateResult, renderer: TextRenderer): string {
    const { out, action, dryRun, host, port, localDatacenter, username, clientCertificate } = result
    const done = dryRun && action === 'written' ? 'would be written' : action
    const certificate = clientCertificate.kind === 'self-signed' ? 'none' : clientCertificate.subject
    return [
      `${out} ${done}`,
      `  Gateway: ${host}:${port}`,
      `  Datacenter: ${localDatacenter}`,
      `  Login: ${username ?? 'none'}`,
      `  Client certificate: ${certificate}`,
    ]
      .map((line) => renderer.printable(line))
      .join('\n')
  }
}
