import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags } from '../../lib/cli/flags.ts'
import type { Show } from '../../lib/output/show.ts'
import type { CertsNode, CertsResult, ShownCertificate } from '../../lib/workflows/certs-workflow.ts'

export default class Certs extends CassSniCommand<CertsResult> {
  static override summary = 'Give the nodes a certificate with the names that clients ask for.'
  static override description =
    `Issues it from the datacenter's own certificate authority when the one that is there lacks a name or ends soon, and makes every node serve it without a restart.
It carries every node's host id and DNS name, the datacenter's Services, and the public names. Run it again after nodes were added or replaced; when nothing is missing, nothing is changed.`
  static override examples = [
    '<%= config.bin %> certs',
    '<%= config.bin %> certs --public-name cassandra.example.com --public-name 203.0.113.7',
    '<%= config.bin %> certs --dry-run',
  ]

  static override flags = {
    ...datacenterFlags,
    ...gatewayFlags,
    'public-name': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME',
      summary:
        "A DNS name or IP address of the gateway that the certificate is to carry; may be repeated. Remembered: without this flag the last ones are kept, '' forgets them; the certificate carries them until --renew.",
    }),
    renew: Flags.boolean({ default: false, summary: 'Issue a new certificate in any case.' }),
    'replace-keystore': Flags.boolean({
      default: false,
      summary: 'When the keystore cannot be read, make a new one under the configured password.',
    }),
    ...changeFlags,
  }

  protected readonly kind = 'Certs'

  protected async work(run: Run): Promise<CertsResult> {
    const { flags } = await this.parse(Certs)
    const { certs } = await import('../../lib/workflows/certs-workflow.ts')
    return certs(await run.context('Certificates'), {
      clusterDomain: flags['cluster-domain'],
      gatewayPort: flags.port,
      renew: flags.renew,
      replaceKeystore: flags['replace-keystore'],
      datacenter: flags.datacenter,
      gateway: flags.gateway,
      publicNames: flags['public-name'],
    })
  }

  protected present(result: CertsResult, show: Show): string {
    const { leaf, authority } = result
    const until = `valid until ${leaf.notAfter.slice(0, 10)}, its authority until ${authority.notAfter.slice(0, 10)}`
    const what =
      result.dryRun && leaf.fingerprint256 === undefined ? 'would be issued' : leaf.issued ? 'issued' : 'kept'
    const lines = [
      `certificate ${what}: ${leaf.names.length} names, ${until}`,
      ...leaf.reasons.map((reason) => `  because ${show.printableLine(reason)}`),
      ...(leaf.issued || leaf.fingerprint256 === undefined
        ? leaf.names.map((name) => `  ${show.printableLine(name)}`)
        : []),
    ]
    const serves = (certificate: ShownCertificate | undefined) =>
      certificate === undefined ? 'not seen' : show.printableLine(certificate.fingerprint256).slice(0, 11)
    const now = (node: CertsNode) => (node.live ? show.green(serves(node.after)) : show.yellow(serves(node.after)))
    const table = show.table(result.nodes, [
      { title: 'NODE', cell: (node) => show.printableLine(node.pod) },
      { title: 'BEFORE', cell: (node) => serves(node.before) },
      { title: 'NOW', cell: now },
      { title: 'NAMES', cell: (node) => node.after?.names.length, align: 'right' },
      {
        title: 'EXPIRES',
        cell: (node) => (node.after === undefined ? '' : show.printableLine(node.after.notAfter).slice(0, 10)),
      },
      ...(result.nodes.some((node) => node.note !== undefined)
        ? [{ title: 'NOTE', cell: (node: CertsNode) => show.printableLine(node.note ?? '') }]
        : []),
    ])
    return [...lines, table].filter((line) => line !== '').join('\n')
  }
}
