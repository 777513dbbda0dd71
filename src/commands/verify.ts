import { Flags } from '@oclif/core'
import type { RenderedStep } from '../lib/errors.ts'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { durationFlag, datacenterFlags, gatewayFlags, nodeFlag, timeoutFlag } from '../lib/cli/flags.ts'
import { formatFindings } from '../lib/output/findings.ts'
import type { Show } from '../lib/output/show.ts'
import type { VerifyResult } from '../lib/workflows/verify-workflow.ts'

/** A check's result as it is shown and serialized. */
type ShownCheck = Omit<VerifyResult['checks'][number], 'next'> & {
  /** For fail and warning: the commands that help, the best first. */
  next?: string[]
}
type Shown = Omit<VerifyResult, 'checks'> & { checks: ShownCheck[] }

export default class Verify extends CassSniCommand<Shown> {
  static override summary =
    'Prove that clients reach each Cassandra node by its name, with a certificate that verifies.'
  static override description =
    'Looks at the datacenter, the routes in the cluster and in every gateway pod, the certificate that each node serves by its DNS name and by its host id, and logs in to each node and asks who it is. Writes nothing. What you have no right to look at is skipped, with the reason. Exit code 1 when a check fails.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    { description: 'One node', command: '<%= config.bin %> <%= command.id %> --node 1' },
    { description: 'Right after a change', command: '<%= config.bin %> <%= command.id %> --wait 60s' },
    {
      description: 'The way that clients elsewhere take',
      command: '<%= config.bin %> <%= command.id %> --address cassandra.example.com:9042',
    },
  ]
  static override flags = {
    ...datacenterFlags,
    ...nodeFlag,
    ...gatewayFlags,
    address: Flags.string({
      helpValue: 'HOST[:PORT]',
      exclusive: ['tunnel'],
      summary: "Go there instead of to the load balancer's own address.",
    }),
    tunnel: Flags.boolean({ default: false, summary: 'Go through the API server, even if the load balancer answers.' }),
    strict: Flags.boolean({ default: false, summary: 'Warnings count as failures.' }),
    wait: durationFlag({ summary: 'Look again until everything is well, for that long.' }),
    ...timeoutFlag,
  }
  protected readonly kind = 'Verify'
  /** How the steps of a check are shown. */
  readonly #steps = new Map<ShownCheck, RenderedStep[]>()

  protected async work(run: Run): Promise<Shown> {
    const { flags } = await this.parse(Verify)
    const { verify } = await import('../lib/workflows/verify-workflow.ts')
    const result = await verify(await run.context('Verify'), {
      ...(flags.datacenter === undefined ? {} : { datacenter: flags.datacenter }),
      clusterDomain: flags['cluster-domain'],
      ...(flags.node === undefined ? {} : { node: flags.node }),
      ...(flags.gateway === undefined ? {} : { gateway: flags.gateway }),
      port: flags.port,
      ...(flags.address === undefined ? {} : { address: flags.address }),
      tunnel: flags.tunnel,
      strict: flags.strict,
      ...(flags.wait === undefined ? {} : { waitMs: flags.wait }),
    })
    const checks = result.checks.map(({ next, ...check }) => {
      if (next === undefined) return check
      const steps = run.steps(next)
      const shown = { ...check, next: steps.map(({ text }) => text) }
      this.#steps.set(shown, steps)
      return shown
    })
    return { ...result, checks }
  }

  protected present({ checks, summary }: Shown, show: Show): string {
    const findings = checks.map((check) => ({
      ...check,
      steps: this.#steps.get(check),
      heading: check.category,
      verdict: check.result,
      ...(check.node === undefined ? {} : { about: check.node }),
    }))
    const counts = [
      `${summary.passed} passed`,
      ...(summary.failed > 0 ? [show.red(`${summary.failed} failed`)] : []),
      ...(summary.warnings > 0
        ? [show.yellow(`${summary.warnings} ${summary.warnings === 1 ? 'warning' : 'warnings'}`)]
        : []),
      ...(summary.skipped > 0 ? [`${summary.skipped} skipped`] : []),
    ]
    return `${formatFindings(findings, show)}\n${summary.total} checks: ${counts.join(', ')}\n`
  }
}
