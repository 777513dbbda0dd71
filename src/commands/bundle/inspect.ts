import { Args, Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { datacenterFlags, gatewayFlags, timeoutFlag } from '../../lib/cli/flags.ts'
import { addressFlag, tunnelFlag } from '../../lib/cli/login-flags.ts'
import type { RenderedStep } from '../../lib/errors.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { BundleFinding, BundleInspectResult } from '../../lib/workflows/bundle-inspect-workflow.ts'

type RenderedResult = Omit<BundleInspectResult, 'findings'> & {
  findings: (Omit<BundleFinding, 'next'> & {
    /** What to do next unless the status is ok, the best first. */
    next?: string[] | undefined
  })[]
}

export default class BundleInspect extends CassSniCommand<RenderedResult> {
  static override summary = 'Show a secure connect bundle and check it.'
  static override description =
    'Shows what is in a bundle, without its secrets, and compares it with the cluster: whether the nodes verify with ' +
    'its CA and have its public name, whether the metadata service responds with their host IDs, and whether the ' +
    'client certificate and the login are accepted. Nothing is extracted.\n' +
    '\n' +
    'Exits with 1 if the bundle does not match, has expired, or cannot be compared.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> secure-connect-dc1.zip',
    {
      description: 'Without a cluster',
      command: '<%= config.bin %> <%= command.id %> secure-connect-dc1.zip --offline',
    },
    '<%= config.bin %> <%= command.id %> Secret/orders-bundle --secret-namespace orders -n cassandra',
  ]
  static override usage = '<%= command.id %> FILE|Secret/NAME [flags]'
  static override args = {
    file: Args.string({ required: true, description: 'File, or Secret/NAME.' }),
  }
  static override flags = {
    offline: Flags.boolean({ default: false, summary: 'Do not compare with the cluster.' }),
    'secret-namespace': Flags.string({
      helpValue: 'NAMESPACE',
      summary: 'Namespace of the Secret (default: the current namespace).',
    }),
    ...datacenterFlags,
    gateway: gatewayFlags.gateway,
    ...addressFlag,
    ...tunnelFlag,
    ...timeoutFlag,
  }

  protected readonly kind = 'BundleInspect'
  /** The next steps of all findings, each once. */
  readonly #steps = new Map<string, RenderedStep>()

  protected async work(run: Run): Promise<RenderedResult> {
    const { args, flags } = await this.parse(BundleInspect)
    const { bundleInspect } = await import('../../lib/workflows/bundle-inspect-workflow.ts')
    const result = await bundleInspect({
      source: args.file,
      secretNamespace: flags['secret-namespace'],
      offline: flags.offline,
      datacenter: flags.datacenter,
      clusterDomain: flags['cluster-domain'],
      gateway: flags.gateway,
      address: flags.address,
      tunnel: flags.tunnel,
      connect: () => run.context('Bundle'),
      now: Date.now,
      signal: run.signal,
    })
    const findings = result.findings.map(({ next = [], ...finding }) => {
      const steps = run.steps(next)
      for (const step of steps) this.#steps.set(step.text, step)
      return { ...finding, next: steps.length === 0 ? undefined : steps.map(({ text }) => text) }
    })
    return { ...result, findings }
  }

  protected present(result: RenderedResult, renderer: TextRenderer): string {
    const line = renderer.printableLine
    const { clientCertificate, username } = result
    const day = (iso: string) => iso.slice(0, 10)
    const rows: [string, string][] = [
      ['Bundle', result.source],
      ['Gateway', `${result.host}:${result.port}`],
      ['Local datacenter', result.localDatacenter ?? 'not set'],
      ...(result.datacenter === undefined
        ? []
        : [['Created for', `${result.datacenter} in namespace ${result.namespace ?? ''}`] as [string, string]]),
      ['Login', username === undefined ? 'none' : `${username}${result.hasPassword ? '' : ' (no password)'}`],
      ...result.authorities.map((ca): [string, string] => ['CA', `${ca.subject}, expires ${day(ca.notAfter)}`]),
      [
        'Client certificate',
        clientCertificate === undefined
          ? 'none'
          : `${clientCertificate.subject}${clientCertificate.selfSigned ? ', self-signed' : ''}, ` +
            `expires ${day(clientCertificate.notAfter)}`,
      ],
      ['Files', result.files.map(({ name }) => name).join(' ')],
    ]
    const facts = rows.map(([title, text]) => `${`${title}:`.padEnd(20)}${line(text)}`)
    const table = renderer.table(result.findings, [
      { title: 'CHECK', cell: ({ check }) => check },
      { title: 'STATUS', cell: (finding) => verdict(finding, renderer) },
      { title: 'DETAILS', cell: ({ message }) => line(message) },
    ])
    const steps = [...this.#steps.values()].map(({ label, text }) => `${label}: ${line(text)}`)
    return [...facts, '', table, ...(steps.length === 0 ? [] : ['', ...steps])].join('\n')
  }
}

function verdict({ status }: Pick<BundleFinding, 'status'>, renderer: TextRenderer): string {
  if (status === 'ok') return renderer.green(status)
  return status === 'failed' || status === 'unknown' ? renderer.red(status) : renderer.yellow(status)
}
