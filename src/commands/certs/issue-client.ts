import { Args, Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags } from '../../lib/cli/flags.ts'
import { storeFlags, storeOptions, storeTable } from '../../lib/cli/store-flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { IssueClientResult } from '../../lib/workflows/certs-issue-client-workflow.ts'

export default class CertsIssueClient extends CassSniCommand<IssueClientResult> {
  static override summary = 'Issue a client certificate for mutual TLS.'
  static override description =
    "Issues a certificate for a client, signed by the datacenter's CA, and writes it with its private key and the CA " +
    'to a directory or a Secret. The name is the common name of the certificate.\n' +
    '\n' +
    'A valid certificate is kept; in the last third of its life it is renewed. The private key is generated here and ' +
    'never printed. PKCS#12 and JKS files have a random password by default, in the file "password".'
  static override examples = [
    {
      description: 'For an application outside the cluster',
      command: '<%= config.bin %> certs issue-client orders -n cassandra --out orders --format pkcs12',
    },
    {
      description: 'In a Secret of type kubernetes.io/tls, valid for 90 days',
      command: '<%= config.bin %> certs issue-client orders -n cassandra --secret orders-cassandra --days 90',
    },
    {
      description: 'For cqlsh-sni and verify, which find it by its label',
      command: '<%= config.bin %> certs issue-client cass-sni -n cassandra --secret cass-sni-client',
    },
  ]

  static override usage = '<%= command.id %> NAME [flags]'

  static override args = {
    name: Args.string({ required: true, description: 'Name of the client.' }),
  }

  static override flags = {
    datacenter: datacenterFlags.datacenter,
    ...storeFlags,
    days: Flags.integer({ min: 1, max: 3650, helpValue: 'DAYS', summary: 'Validity in days (default: 365).' }),
    renew: Flags.boolean({ default: false, summary: 'Issue a new certificate even if the current one is valid.' }),
    'ca-file': Flags.string({
      helpValue: 'FILE',
      summary: "PEM file of the CA that signs (default: the datacenter's CA).",
    }),
    'ca-key-file': Flags.string({ helpValue: 'FILE', summary: 'PEM file of its private key.' }),
    'ca-key-password-file': Flags.string({
      helpValue: 'FILE',
      dependsOn: ['ca-key-file'],
      summary: 'File with the password of an encrypted --ca-key-file.',
    }),
    ...changeFlags,
  }

  protected readonly kind = 'CertsIssueClient'

  protected async work(run: Run): Promise<IssueClientResult> {
    const { args, flags } = await this.parse(CertsIssueClient)
    const { issueClient } = await import('../../lib/workflows/certs-issue-client-workflow.ts')
    return issueClient(await run.context('Client certificate'), {
      name: args.name,
      datacenter: flags.datacenter,
      days: flags.days,
      renew: flags.renew,
      caFile: flags['ca-file'],
      caKeyFile: flags['ca-key-file'],
      caKeyPasswordFile: flags['ca-key-password-file'],
      ...storeOptions(flags),
    })
  }

  protected present(result: IssueClientResult, renderer: TextRenderer): string {
    const what = result.dryRun && result.reasons.length > 0 ? 'would be issued' : result.issued ? 'issued' : 'unchanged'
    const place = result.out === undefined ? `secret/${result.secret}` : result.out
    const until = result.notAfter.slice(0, 10)
    return [
      renderer.printableLine(`certificate of ${result.client} ${what}, expires ${until}, in ${place}`),
      ...result.reasons.map((reason) => `  Reason: ${renderer.printableLine(reason)}`),
      storeTable(result.files, renderer),
    ]
      .filter((line) => line !== '')
      .join('\n')
  }
}
