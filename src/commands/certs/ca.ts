import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { datacenterFlags, timeoutFlag } from '../../lib/cli/flags.ts'
import type { Show } from '../../lib/output/show.ts'
import type { CertsCaResult } from '../../lib/workflows/certs-ca-workflow.ts'

export default class CertsCa extends CassSniCommand<CertsCaResult> {
  static override summary = 'Print the CA certificate that clients must trust.'
  static override description =
    "Reads the certificate (PEM) from the datacenter's Secret. The private key is never printed."
  static override examples = [
    '<%= config.bin %> certs ca > ca.pem',
    '<%= config.bin %> certs ca --out ca.pem',
    '<%= config.bin %> certs ca -n cass-operator -d dc1 -o json',
  ]

  static override flags = {
    datacenter: datacenterFlags.datacenter,
    out: Flags.string({ helpValue: 'FILE', summary: 'Write the certificate to a file.' }),
    yes: Flags.boolean({ char: 'y', default: false, summary: 'Overwrite the file if its content differs.' }),
    ...timeoutFlag,
  }

  protected readonly kind = 'CertsCa'

  protected async work(run: Run): Promise<CertsCaResult> {
    const { flags } = await this.parse(CertsCa)
    const { certsCa } = await import('../../lib/workflows/certs-ca-workflow.ts')
    return certsCa(await run.context('Certificate authority'), {
      overwrite: flags.yes,
      datacenter: flags.datacenter,
      out: flags.out,
    })
  }

  protected present(result: CertsCaResult, show: Show): string {
    if (!result.file) return show.printable(result.pem.trimEnd())
    return (
      `${result.file.path} ${result.file.action}: ${show.printableLine(result.subject)}, valid until ` +
      `${result.notAfter.slice(0, 10)}`
    )
  }
}
