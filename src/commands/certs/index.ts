import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { issuerFlags, issuerFrom } from '../../lib/cli/authority-flags.ts'
import { changeFlags, datacenterFlags, gatewayFlags } from '../../lib/cli/flags.ts'
import { passwordFrom } from '../../lib/cli/store-flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { CertsNode, CertsOptions, CertsResult, CertificateSummary } from '../../lib/workflows/certs-workflow.ts'

/** Returns the certificate from files; undefined without one. */
function givenFrom(flags: {
  'keystore-file'?: string | undefined
  'cert-file'?: string | undefined
  'key-file'?: string | undefined
  'keystore-password-stdin': boolean
  'allow-missing-names': boolean
}): CertsOptions['given'] {
  const { 'keystore-file': keystore, 'cert-file': certificate, 'key-file': key } = flags
  if (keystore === undefined && certificate === undefined) return undefined
  const password = passwordFrom(flags['keystore-password-stdin'], process)
  return { keystore, certificate, key, password, allowMissingNames: flags['allow-missing-names'] }
}

export default class Certs extends CassSniCommand<CertsResult> {
  static override summary = 'Issue node certificates that clients can verify.'
  static override description =
    "Issues a certificate from the datacenter's CA if the current one lacks a name or expires soon, and reloads " +
    'it on every node without a restart. The certificate includes the host ID and DNS name of every node, the ' +
    "datacenter's Services and the public names.\n" +
    '\n' +
    'Rerun after nodes are added or replaced. Changes nothing if the certificate is up to date.'
  static override examples = [
    { description: 'Show what would change', command: '<%= config.bin %> certs -n cassandra --dry-run' },
    {
      description: 'Include public names of the gateway',
      command: '<%= config.bin %> certs -n cassandra --public-name cassandra.example.com --public-name 203.0.113.7',
    },
    {
      description: 'Renew 60 days before the certificate expires, now and in later runs',
      command: '<%= config.bin %> certs -n cassandra --renew-before 60d',
    },
    {
      description: 'Use a certificate that was issued elsewhere',
      command: '<%= config.bin %> certs -n cassandra --cert-file nodes.pem --key-file nodes.key',
    },
    {
      description: 'Without host IDs, for more than about 690 nodes',
      command: '<%= config.bin %> certs -n cassandra --names public --public-name cassandra.example.com',
    },
  ]

  static override flags = {
    ...datacenterFlags,
    ...gatewayFlags,
    'public-name': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME',
      summary: "Gateway DNS name or IP address to include (repeatable). Saved for later runs; '' clears the list.",
    }),
    san: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME',
      summary: "Any other DNS name or IP address to include (repeatable). Saved for later runs; '' clears the list.",
    }),
    names: Flags.option({
      options: ['all', 'public'] as const,
      summary:
        'Names to include: all, or public for none of a single node, for very large datacenters. Saved for later runs.',
    })(),
    'renew-before': Flags.string({
      helpValue: 'DURATION',
      summary:
        "Renew this long before the certificate expires, such as 60d. Saved for later runs; '' restores the default: " +
        'a third of its life.',
    }),
    'keystore-file': Flags.string({
      helpGroup: 'CERTIFICATE FROM FILES',
      helpValue: 'FILE',
      exclusive: ['cert-file', 'issuer', 'renew'],
      summary: 'Use the certificate in this keystore (JKS or PKCS#12).',
    }),
    'cert-file': Flags.string({
      helpGroup: 'CERTIFICATE FROM FILES',
      helpValue: 'FILE',
      dependsOn: ['key-file'],
      exclusive: ['issuer', 'renew'],
      summary: 'Use this certificate (PEM).',
    }),
    'key-file': Flags.string({
      helpGroup: 'CERTIFICATE FROM FILES',
      helpValue: 'FILE',
      dependsOn: ['cert-file'],
      summary: 'Private key of --cert-file (PEM).',
    }),
    'keystore-password-stdin': Flags.boolean({
      default: false,
      helpGroup: 'CERTIFICATE FROM FILES',
      summary: 'Read the password of keystore or key from stdin (default: CASS_SNI_STORE_PASSWORD).',
    }),
    'allow-missing-names': Flags.boolean({
      default: false,
      helpGroup: 'CERTIFICATE FROM FILES',
      summary: 'Use the certificate although clients cannot verify some names.',
    }),
    ...issuerFlags,
    renew: Flags.boolean({ default: false, summary: 'Reissue even if the current certificate is valid.' }),
    'replace-keystore': Flags.boolean({
      default: false,
      summary: 'Replace an unreadable keystore, using the configured password.',
    }),
    ...changeFlags,
    yes: Flags.boolean({
      char: 'y',
      hidden: true,
      summary: 'Accepted for compatibility with version 0.1; certs never prompts.',
    }),
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
      sans: flags.san,
      names: flags.names,
      renewBefore: flags['renew-before'],
      issuer: issuerFrom(flags),
      given: givenFrom(flags),
    })
  }

  protected present(result: CertsResult, renderer: TextRenderer): string {
    const { leaf, authority } = result
    const issuer = authority.issuer === undefined ? '' : `, signed by ${renderer.printableLine(authority.issuer)}`
    const until = `expires ${leaf.notAfter.slice(0, 10)} (CA: ${authority.notAfter.slice(0, 10)})${issuer}`
    const what =
      result.dryRun && leaf.fingerprint256 === undefined ? 'would be issued' : leaf.issued ? 'issued' : 'unchanged'
    const lines = [
      `certificate ${what}: ${leaf.names.length} names, ${until}`,
      ...leaf.reasons.map((reason) => `  Reason: ${renderer.printableLine(reason)}`),
      ...(leaf.issued || leaf.fingerprint256 === undefined
        ? leaf.names.map((name) => `  ${renderer.printableLine(name)}`)
        : []),
    ]
    const serves = (certificate: CertificateSummary | undefined) =>
      certificate === undefined ? 'unknown' : renderer.printableLine(certificate.fingerprint256).slice(0, 11)
    const now = (node: CertsNode) =>
      node.live ? renderer.green(serves(node.after)) : renderer.yellow(serves(node.after))
    const table = renderer.table(result.nodes, [
      { title: 'NODE', cell: (node) => renderer.printableLine(node.pod) },
      { title: 'BEFORE', cell: (node) => serves(node.before) },
      { title: 'NOW', cell: now },
      { title: 'NAMES', cell: (node) => node.after?.names.length, align: 'right' },
      {
        title: 'EXPIRES',
        cell: (node) => (node.after === undefined ? '' : renderer.printableLine(node.after.notAfter).slice(0, 10)),
      },
      ...(result.nodes.some((node) => node.note !== undefined)
        ? [{ title: 'NOTE', cell: (node: CertsNode) => renderer.printableLine(node.note ?? '') }]
        : []),
    ])
    return [...lines, table].filter((line) => line !== '').join('\n')
  }
}
