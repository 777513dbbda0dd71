import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { datacenterFlags, timeoutFlag } from '../../lib/cli/flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { CertsCaResult } from '../../lib/workflows/certs-ca-workflow.ts'

export default class CertsCa extends CassSniCommand<CertsCaResult> {
  static override summary = 'Print the CA certificate that clients must trust.'
  static override description =
    "Prints the CA certificate (PEM) from the datacenter's Secret. The private key is never printed."
  static override examples = [
    '<%= config.bin %> certs ca -n cassandra > ca.pem',
    '<%= config.bin %> certs ca -n cassandra --out ca.pem',
    '<%= config.bin %> certs ca -n cassandra -d dc1 -o json',
  ]

  static override flags = {
    datacenter: datacenterFlags.datacenter,
    out: Flags.string({ helpValue: 'FILE', summary: 'Write the certificate to a file (-: stdout).' }),
    yes: Flags.boolean({ char: 'y', default: false, summary: 'Overwrite the file if its content differs.' }),
    ...timeoutFlag,
  }

  protected readonly kind = 'CertsCa'

  protected async work(run: Run): Promise<CertsCaResult> {
    const { flags } = await this.parse(CertsCa)
    const { certsCa } = await import('../../lib/workflows/certs-ca-workflow.ts')
    const result = await certsCa(await run.context('Certificate authority'), {
      overwrite: flags.yes,
      datacenter: flags.datacenter,
      out: flags.out === '-' ? undefined : flags.out,
    })
    if (result.file && run.format === 'text') run.log(fileLine(result, result.file), 0)
    return result
  }

  protected present(result: CertsCaResult, renderer: TextRenderer): string {
    return result.file ? '' : renderer.printable(result.pem.trimEnd())
  }
}

/** The line for stderr: the file may be /dev/stdout. */
function fileLine({ subjects, notAfter }: CertsCaResult, { path, action }: NonNullable<CertsCaResult['file']>): string {
  const [subject, ...others] = subjects
  const also = others.map((other) => `; also ${other}`).join('')
  return `${path} ${action}: ${subject}, valid until ${notAfter.slice(0, 10)}${also}`
}
