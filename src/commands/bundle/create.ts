import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags, withoutFlags } from '../../lib/cli/flags.ts'
import {
  addressFlag,
  API_SERVER_CERTIFICATE,
  clientOptions,
  loginFlags,
  tunnelFlag,
} from '../../lib/cli/login-flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { BundleCreateResult } from '../../lib/workflows/bundle-create-workflow.ts'

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
      description: 'With a new role, in a Secret',
      command:
        "<%= config.bin %> <%= command.id %> -n cassandra --create-role orders --grant 'MODIFY ON shop.orders' " +
        '--out Secret/orders-bundle',
    },
    {
      description: 'With the login of an existing role; prompts for the password',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --with-password --username app',
    },
  ]
  static override baseFlags = withoutFlags(CassSniCommand.baseFlags, 'username', 'password', ...API_SERVER_CERTIFICATE)
  static override flags = {
    'public-name': Flags.string({
      helpValue: 'NAME',
      summary: 'Public DNS name of the gateway (default: that of the metadata service, else the only one of certs).',
    }),
    'public-port': Flags.integer({
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
      summary: 'Port that clients connect to, if mapped to --port (default: that of the existing bundle, else --port).',
    }),
    out: Flags.string({
      helpValue: 'FILE',
      summary: 'File to write, or Secret/NAME (default: secure-connect-DATACENTER.zip).',
    }),
    'secret-namespace': Flags.string({
      helpValue: 'NAMESPACE',
      summary: "Namespace of the Secret (default: the datacenter's).",
    }),
    'with-password': Flags.boolean({ default: false, summary: 'Include user and password.' }),
    'create-role': Flags.string({
      helpValue: 'ROLE',
      summary: 'Create a role with a random password and include its login.',
    }),
    grant: Flags.string({
      helpValue: 'PERMISSION',
      multiple: true,
      multipleNonGreedy: true,
      summary: "Permission of the new role: 'SELECT ON shop.orders' (repeatable).",
    }),
    ...loginFlags,
    username: {
      ...loginFlags.username,
      summary:
        'Role whose login to include, or that creates the new role (default: the superuser). Reads the password from ' +
        'CASS_SNI_PASSWORD, stdin (--password-stdin) or a prompt.',
    },
    'client-cert': {
      ...loginFlags['client-cert'],
      summary: 'PEM file of the client certificate (default: one of the CA if nodes request it, else self-signed).',
    },
    ...datacenterFlags,
    ...gatewayFlags,
    ...addressFlag,
    ...tunnelFlag,
    ...changeFlags,
    yes: {
      ...changeFlags.yes,
      summary: 'Overwrite a file that is not a bundle of this datacenter, or the login in a bundle.',
    },
  }

  protected readonly kind = 'BundleCreate'

  protected async work(run: Run): Promise<BundleCreateResult> {
    const { flags } = await this.parse(BundleCreate)
    const { bundleCreate } = await import('../../lib/workflows/bundle-create-workflow.ts')
    return bundleCreate(await run.context('Bundle'), {
      ...(await clientOptions(flags)),
      tunnel: flags.tunnel,
      publicName: flags['public-name'],
      publicPort: flags['public-port'],
      withPassword: flags['with-password'],
      createRole: flags['create-role'],
      grants: flags.grant,
      secretNamespace: flags['secret-namespace'],
      out: flags.out,
      overwrite: flags.yes,
    })
  }

  protected present(result: BundleCreateResult, renderer: TextRenderer): string {
    const { out, action, dryRun, host, port, localDatacenter, username, role, clientCertificate } = result
    const done = dryRun && action === 'written' ? 'would be written' : action
    const { kind, subject, notAfter } = clientCertificate
    const certificate =
      kind === 'self-signed' ? 'self-signed (nodes request none)' : `${subject}, expires ${notAfter.slice(0, 10)}`
    return [
      `${out} ${done}`,
      `  Gateway: ${host}:${port}`,
      `  Datacenter: ${localDatacenter}`,
      `  Login: ${username ?? 'none'}`,
      ...(role === undefined ? [] : roleLines(role, dryRun).map((line) => `    ${line}`)),
      `  Client certificate: ${certificate}`,
      '',
      'Python verifies nothing unless it is given an SSL context:',
      ...pythonLines(result).map((line) => `  ${line}`),
    ]
      .map((line) => renderer.printable(line))
      .join('\n')
  }
}

function roleLines({ action, granted }: NonNullable<BundleCreateResult['role']>, dryRun: boolean): string[] {
  const would = (done: string) => (dryRun ? `would be ${done}` : done)
  return [
    `role ${action === 'created' ? would(action) : action}`,
    ...granted.map((permission) => `${permission} ${would('granted')}`),
  ]
}

/** apache/cassandra-python-driver cassandra/datastax/cloud/__init__.py: without one, verification is off. */
function pythonLines({ out, clientCertificate }: BundleCreateResult): string[] {
  const file = JSON.stringify(out.endsWith('.zip') ? out : 'secure-connect.zip')
  return [
    `bundle = ${file}`,
    "ssl_context = ssl.create_default_context(cadata=zipfile.ZipFile(bundle).read('ca.crt').decode())",
    // load_cert_chain reads files only
    ...(clientCertificate.kind === 'self-signed'
      ? []
      : ["ssl_context.load_cert_chain('cert', 'key')  # both from the bundle: unzip secure-connect.zip cert key"]),
    "cluster = Cluster(cloud={'secure_connect_bundle': bundle, 'ssl_context': ssl_context})",
  ]
}
