import { Flags } from '@oclif/core'
import type { RenderedStep } from '../lib/errors.ts'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { durationFlag, datacenterFlags, gatewayFlags, nodeFlag, timeoutFlag, withoutFlags } from '../lib/cli/flags.ts'
import { formatFindings } from '../lib/output/findings.ts'
import { addressFlag, clientOptions, loginFlags } from '../lib/cli/login-flags.ts'
import type { Show } from '../lib/output/show.ts'
import type { VerifyResult } from '../lib/workflows/verify-workflow.ts'

/** A check's result as it is shown and serialized. */
type ShownCheck = Omit<VerifyResult['checks'][number], 'next'> & {
  /** For fail, warning and unknown: the commands that help, the best first. */
  next?: string[]
}
type Shown = Omit<VerifyResult, 'checks'> & { checks: ShownCheck[] }

export default class Verify extends CassSniCommand<Shown> {
  static override summary = 'Check every hop from client to Cassandra node.'
  static override description =
    'Checks the datacenter, the routes in the cluster and in every gateway pod, and the certificate that each ' +
    'node serves by DNS name and by host ID; logs in to each node and compares its host ID. Attempts what must ' +
    'be refused: a made-up login, a connection without TLS, an unknown name.\n' +
    '\n' +
    'Changes nothing. Checks that lack a permission are skipped with the reason; what could not be observed is ' +
    'unknown. The exit code is 1 when a check fails or is unknown.'
  static override examples = [
    {
      description: 'All nodes of the only datacenter in the namespace',
      command: '<%= config.bin %> <%= command.id %> -n cassandra',
    },
    { description: 'One node', command: '<%= config.bin %> <%= command.id %> --node 1' },
    {
      description: 'Retry for up to a minute, right after a change',
      command: '<%= config.bin %> <%= command.id %> --wait 60s',
    },
    {
      description: 'Check the address that external clients use',
      command: '<%= config.bin %> <%= command.id %> --address cassandra.example.com:9042',
    },
  ]
  // --username is the login to Cassandra.
  static override baseFlags = withoutFlags(CassSniCommand.baseFlags, 'username', 'password')
  static override flags = {
    ...datacenterFlags,
    ...nodeFlag,
    ...gatewayFlags,
    ...addressFlag,
    tunnel: Flags.boolean({
      default: false,
      summary: 'Connect through the API server, even if the load balancer answers.',
    }),
    ...loginFlags,
    strict: Flags.boolean({ default: false, summary: 'Treat warnings as failures.' }),
    wait: durationFlag({ summary: 'Retry until all checks pass or this time has elapsed.' }),
    ...timeoutFlag,
  }
  protected readonly kind = 'Verify'
  /** How the steps of a check are shown. */
  readonly #steps = new Map<ShownCheck, RenderedStep[]>()

  protected async work(run: Run): Promise<Shown> {
    const { flags } = await this.parse(Verify)
    const { verify } = await import('../lib/workflows/verify-workflow.ts')
    const result = await verify(await run.context('Verify'), {
      ...(await clientOptions(flags)),
      tunnel: flags.tunnel,
      strict: flags.strict,
      waitMs: flags.wait,
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
      about: check.node,
    }))
    const counts = [
      `${summary.passed} passed`,
      ...(summary.failed > 0 ? [show.red(`${summary.failed} failed`)] : []),
      ...(summary.warnings > 0
        ? [show.yellow(`${summary.warnings} ${summary.warnings === 1 ? 'warning' : 'warnings'}`)]
        : []),
      ...(summary.skipped > 0 ? [`${summary.skipped} skipped`] : []),
      ...(summary.unknown > 0 ? [show.yellow(`${summary.unknown} unknown`)] : []),
    ]
    const unknown =
      summary.unknown > 0 && summary.failed === 0
        ? 'Nothing was found to be wrong, but not everything could be looked at.\n'
        : ''
    return `${formatFindings(findings, show)}\n${summary.total} checks: ${counts.join(', ')}\n${unknown}`
  }
}
