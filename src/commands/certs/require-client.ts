import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, withoutFlags } from '../../lib/cli/flags.ts'
import { API_SERVER_CERTIFICATE, loginFlags } from '../../lib/cli/login-flags.ts'
import { again, CassSniError } from '../../lib/errors.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { RequireClientResult } from '../../lib/workflows/certs-require-client-workflow.ts'

const OUTCOMES = {
  on: { planned: 'would be required', done: 'are now required', same: 'are already required' },
  off: { planned: 'would no longer be required', done: 'are no longer required', same: 'are not required' },
  optional: { planned: 'would be optional', done: 'are now optional', same: 'are already optional' },
}

export default class CertsRequireClient extends CassSniCommand<RequireClientResult> {
  static override summary = 'Require client certificates (mutual TLS).'
  static override description =
    'Sets client_encryption_options.require_client_auth in the CassandraDatacenter. cass-operator then restarts ' +
    'every node, one after the other, and this command waits for that.\n' +
    '\n' +
    'Before certificates are required, issue them to all clients with "certs issue-client", including one for ' +
    'cqlsh-sni and verify: without one that the nodes accept, nothing is changed.'
  static override examples = [
    {
      description: 'Issue a certificate for cqlsh-sni and verify, then require certificates',
      command:
        '<%= config.bin %> certs issue-client cass-sni -n cassandra --secret cass-sni-client && ' +
        '<%= config.bin %> certs require-client -n cassandra --on',
    },
    { description: 'No longer require them', command: '<%= config.bin %> certs require-client -n cassandra --off' },
  ]

  static override baseFlags = withoutFlags(CassSniCommand.baseFlags, ...API_SERVER_CERTIFICATE)
  static override flags = {
    datacenter: datacenterFlags.datacenter,
    on: Flags.boolean({ exclusive: ['off'], summary: 'Require a certificate of every client.' }),
    off: Flags.boolean({ summary: 'Do not request certificates.' }),
    optional: Flags.boolean({
      dependsOn: ['on'],
      summary: 'Request a certificate, but accept clients without one (Cassandra 5.1 and later).',
    }),
    'client-cert': loginFlags['client-cert'],
    'client-key': loginFlags['client-key'],
    ...changeFlags,
  }

  protected readonly kind = 'CertsRequireClient'

  protected async work(run: Run): Promise<RequireClientResult> {
    const { flags } = await this.parse(CertsRequireClient)
    if (flags.on !== true && flags.off !== true)
      throw new CassSniError('CSNI102', 'specify --on or --off', { next: [again`--on`, again`--off`] })
    const { requireClient } = await import('../../lib/workflows/certs-require-client-workflow.ts')
    return requireClient(await run.context('Client certificates'), {
      datacenter: flags.datacenter,
      require: flags.off === true ? 'off' : flags.optional === true ? 'optional' : 'on',
      clientCertFile: flags['client-cert'],
      clientKeyFile: flags['client-key'],
    })
  }

  protected present({ datacenter, require, changed, dryRun }: RequireClientResult, renderer: TextRenderer): string {
    const { planned, done, same } = OUTCOMES[require]
    const outcome = changed ? (dryRun ? planned : done) : same
    return renderer.printableLine(`datacenter ${datacenter}: client certificates ${outcome}`)
  }
}
