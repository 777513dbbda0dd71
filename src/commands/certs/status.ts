import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { datacenterFlags, everyDatacenterFlag, gatewayFlags, outputFlag, timeoutFlag } from '../../lib/cli/flags.ts'
import { addressFlag, caFlag, tunnelFlag } from '../../lib/cli/login-flags.ts'
import { presentEvery } from '../../lib/cli/present-every.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { CertificatePart, CertsStatusResult, Finding } from '../../lib/workflows/certs-status-workflow.ts'
import type { EveryDatacenter } from '../../lib/workflows/every-datacenter.ts'

type RenderedResult = Omit<CertsStatusResult, 'next'> & {
  /** Suggested commands. */
  next: string[]
}

interface Row extends CertificatePart {
  name: string
  /** A CA, whose names no client verifies. */
  isAuthority?: boolean | undefined
  /** Since when a node serves it. */
  since: string
}

export default class CertsStatus extends CassSniCommand<RenderedResult | EveryDatacenter<RenderedResult>> {
  static override summary = 'Show the certificates of CA, keystore and nodes.'
  static override description =
    'Shows the CA, the certificate in the keystore Secret, and the certificate that each node serves through the ' +
    'gateway: names, issuer, expiry, fingerprint, and since when it is served. Reports the reasons for which certs ' +
    'would issue a new certificate, and nodes that serve another one than the Secret holds. Changes nothing.\n' +
    '\n' +
    'Exits with 1 if a certificate is invalid, due for renewal, or expires within --warn-days, or if none can be read.'
  static override examples = [
    '<%= config.bin %> certs status -n cassandra',
    {
      description: 'Fail if anything expires within 45 days, for monitoring',
      command: '<%= config.bin %> certs status -n cassandra --warn-days 45 -o json',
    },
    { description: 'Every datacenter in the cluster', command: '<%= config.bin %> certs status -A' },
    {
      description: 'With issuers, names and whole fingerprints',
      command: '<%= config.bin %> certs status -n cassandra -o wide',
    },
  ]

  static override flags = {
    ...datacenterFlags,
    ...everyDatacenterFlag,
    ...gatewayFlags,
    ...addressFlag,
    ...tunnelFlag,
    ...caFlag,
    'warn-days': Flags.integer({
      min: 0,
      max: 36_500,
      helpValue: 'DAYS',
      summary: 'Exit with 1 if a certificate expires within this time (default: when certs would renew it; CA: 30).',
    }),
    output: outputFlag(['text', 'wide', 'json', 'yaml']),
    ...timeoutFlag,
  }

  protected readonly kind = 'CertsStatus'
  #wide = false

  protected async work(run: Run): Promise<RenderedResult | EveryDatacenter<RenderedResult>> {
    const { flags } = await this.parse(CertsStatus)
    this.#wide = run.format === 'wide'
    const [{ certsStatus }, context] = await Promise.all([
      import('../../lib/workflows/certs-status-workflow.ts'),
      run.context('Certificates'),
    ])
    const options = {
      datacenter: flags.datacenter,
      clusterDomain: flags['cluster-domain'],
      gateway: flags.gateway,
      port: flags.port,
      address: flags.address,
      tunnel: flags.tunnel,
      caFile: flags.ca,
      warnDays: flags['warn-days'],
    }
    const rendered = (result: CertsStatusResult): RenderedResult => ({
      ...result,
      next: run.steps(result.next).map(({ text }) => text),
    })
    if (!flags['all-namespaces']) return rendered(await certsStatus(context, options))
    const { everyDatacenter } = await import('../../lib/workflows/every-datacenter.ts')
    return everyDatacenter(context, async (each, one) => rendered(await certsStatus(each, { ...options, ...one })), {
      routesDisabled: true,
    })
  }

  protected present(result: RenderedResult | EveryDatacenter<RenderedResult>, renderer: TextRenderer): string {
    if ('datacenters' in result) return presentEvery(result, renderer, (each) => this.#table(each, renderer))
    return this.#table(result, renderer)
  }

  #table(result: RenderedResult, renderer: TextRenderer): string {
    const { authorities, issuer, keystore, metadata, nodes, next } = result
    const line = renderer.printableLine
    const time = (iso: string) => iso.slice(0, 19).replace('T', ' ')
    const rows: Row[] = [
      ...authorities.map((part, index) => ({
        ...part,
        name: index === 0 ? 'CA' : 'Other CA',
        since: '',
        isAuthority: true,
      })),
      { ...keystore, name: 'Secret', since: '' },
      ...(metadata === undefined ? [] : [{ ...metadata, name: 'Metadata', since: '' }]),
      ...nodes.map((node) => ({
        ...node,
        name: node.pod,
        since: node.current === true ? (node.servedSince === undefined ? 'unknown' : time(node.servedSince)) : '',
      })),
    ]
    const wide = this.#wide
      ? [
          { title: 'ISSUER', cell: ({ certificate }: Row) => line(certificate?.issuer ?? '') },
          { title: 'NAME LIST', cell: ({ certificate }: Row) => line(certificate?.names.join(' ') ?? '') },
        ]
      : []
    const table = renderer.table(rows, [
      { title: 'CERTIFICATE', cell: ({ name }) => line(name) },
      { title: 'STATUS', cell: ({ findings }) => verdict(findings, renderer) },
      {
        title: 'NAMES',
        cell: ({ isAuthority, certificate }) => (isAuthority === true ? undefined : certificate?.names.length),
        align: 'right',
      },
      { title: 'EXPIRES', cell: ({ certificate }) => certificate?.notAfter.slice(0, 10) ?? '' },
      { title: 'DAYS', cell: ({ certificate }) => certificate?.daysLeft, align: 'right' },
      {
        title: 'FINGERPRINT',
        cell: ({ certificate }) => line(certificate?.fingerprint256 ?? '').slice(0, this.#wide ? undefined : 11),
      },
      { title: 'SERVED SINCE (UTC)', cell: ({ since }) => since },
      ...wide,
    ])
    const findings = rows.flatMap((row) => row.findings.map((finding) => `${row.name}: ${line(finding.message)}`))
    const waiting = nodes.flatMap(({ pod, rereadBy }) =>
      rereadBy === undefined ? [] : [`${line(pod)}: rereads its keystore by ${time(rereadBy)} UTC`],
    )
    const signer = issuer === undefined ? [] : [`Signed by ${line(issuer)}.`]
    const steps = next.length === 0 ? [] : ['', 'Next:', ...next.map((each) => `  ${each}`)]
    return [table, ...signer, ...new Set([...findings, ...waiting]), ...steps].join('\n')
  }
}

/** The worst of the findings. */
function verdict(findings: readonly Finding[], renderer: TextRenderer): string {
  const has = (severity: Finding['severity']) => findings.some((finding) => finding.severity === severity)
  if (has('error')) return renderer.red('invalid')
  if (has('unknown')) return renderer.yellow('unknown')
  if (has('warning')) return renderer.yellow('expires soon')
  return has('skipped') ? renderer.yellow('skipped') : renderer.green('valid')
}
