import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags } from '../../lib/cli/flags.ts'
import { storeFlags, storeOptions, storeTable } from '../../lib/cli/store-flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { CertsExportResult } from '../../lib/workflows/certs-export-workflow.ts'

export default class CertsExport extends CassSniCommand<CertsExportResult> {
  static override summary = 'Export the CA in the formats of clients.'
  static override description =
    'Writes the CA that clients must trust as PEM, PKCS#12 or JKS to a directory or a Secret. Contains no private ' +
    'key. PKCS#12 and JKS files have the password "changeit" by default, that of Java\'s own truststore.'
  static override examples = [
    {
      description: 'Files for all drivers',
      command: '<%= config.bin %> certs export -n cassandra --format pem --format pkcs12 --out cassandra-ca',
    },
    {
      description: 'A Secret to mount in application pods',
      command: '<%= config.bin %> certs export -n cassandra --format jks --secret cassandra-truststore',
    },
  ]

  static override flags = { datacenter: datacenterFlags.datacenter, ...storeFlags, ...changeFlags }

  protected readonly kind = 'CertsExport'

  protected async work(run: Run): Promise<CertsExportResult> {
    const { flags } = await this.parse(CertsExport)
    const { certsExport } = await import('../../lib/workflows/certs-export-workflow.ts')
    return certsExport(await run.context('Certificate authority'), {
      datacenter: flags.datacenter,
      ...storeOptions(flags),
    })
  }

  protected present(result: CertsExportResult, renderer: TextRenderer): string {
    const place = result.out === undefined ? `secret/${result.secret}` : result.out
    const action = result.dryRun ? 'would be exported' : 'exported'
    const until = result.notAfter.slice(0, 10)
    return [
      renderer.printableLine(`${result.subject}, expires ${until}, ${action} to ${place}`),
      ...result.subjects.slice(1).map((other) => renderer.printableLine(`Also contains ${other}`)),
      storeTable(result.files, renderer),
      ...(result.defaultPassword ? ['Truststore password: changeit'] : []),
    ].join('\n')
  }
}
