import { Flags } from '@oclif/core'
import type { RenderedStep } from '../lib/errors.ts'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { durationFlag, datacenterFlags, gatewayFlags, nodeFlag, timeoutFlag, withoutFlags } from '../lib/cli/flags.ts'
import { formatFindings } from '../lib/output/findings.ts'
import { addressFlag, API_SERVER_CERTIFICATE, clientOptions, loginFlags, tunnelFlag } from '../lib/cli/login-flags.ts'
import { packageFile } from '../lib/text/package-file.ts'
import type { TextRenderer } from '../lib/output/text-renderer.ts'
import type { VerifyResult } from '../lib/workflows/verify-workflow.ts'

/** A check's result as it is printed and serialized. */
type RenderedCheck = Omit<VerifyResult['checks'][number], 'next'> & {
  /** For fail, warning and unknown: what to do next, the best first. */
  next?: string[]
}
type RenderedResult = Omit<VerifyResult, 'checks'> & { checks: RenderedCheck[] }

export default class Verify extends CassSniCommand<RenderedResult> {
  static override summary = 'Check every hop from client to Cassandra node.'
  static override description =
    'Checks the datacenter, the routes in the cluster and in every gateway pod, and the certificate that each ' +
    'node serves by DNS name and by host ID; logs in to each node and compares its host ID. Also checks ' +
    'that a random login, a connection without TLS and an unknown server name are rejected.\n' +
    '\n' +
    'Read-only. Checks that you lack permission for are skipped; checks whose state cannot be observed are unknown. ' +
    'Exits with 1 if a check fails or is unknown.'
  static override examples = [
    {
      description: 'Check all nodes of the datacenter in a namespace',
      command: '<%= config.bin %> <%= command.id %> -n cassandra',
    },
    { description: 'Check one node', command: '<%= config.bin %> <%= command.id %> -n cassandra --node 1' },
    {
      description: 'After a change, retry for up to one minute',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --wait 60s',
    },
    {
      description: 'Check the address that external clients use',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --address cassandra.example.com:9042',
    },
  ]
  // --username is the Cassandra role here, and --client-key belongs to the certificate for Cassandra.
  static override baseFlags = withoutFlags(CassSniCommand.baseFlags, 'username', 'password', ...API_SERVER_CERTIFICATE)
  static override flags = {
    ...datacenterFlags,
    ...nodeFlag,
    ...gatewayFlags,
    ...addressFlag,
    ...tunnelFlag,
    ...loginFlags,
    strict: Flags.boolean({ default: false, summary: 'Treat warnings as failures.' }),
    wait: durationFlag({ summary: 'Retry until all checks pass or this time has elapsed.' }),
    ...timeoutFlag,
  }
  protected readonly kind = 'Verify'
  /** The rendered steps of each check. */
  readonly #steps = new Map<RenderedCheck, RenderedStep[]>()

  protected async work(run: Run): Promise<RenderedResult> {
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
      const rendered = { ...check, next: steps.map(({ text }) => text) }
      this.#steps.set(rendered, steps)
      return rendered
    })
    return { ...result, checks }
  }

  protected present({ checks, summary }: RenderedResult, renderer: TextRenderer): string {
    const findings = checks.map((check) => ({
      ...check,
      steps: this.#steps.get(check),
      heading: check.category,
      verdict: check.result,
      subject: check.node,
    }))
    const counts = [
      `${summary.passed} passed`,
      ...(summary.failed > 0 ? [renderer.red(`${summary.failed} failed`)] : []),
      ...(summary.warnings > 0
        ? [renderer.yellow(`${summary.warnings} ${summary.warnings === 1 ? 'warning' : 'warnings'}`)]
        : []),
      ...(summary.skipped > 0 ? [`${summary.skipped} skipped`] : []),
      ...(summary.unknown > 0 ? [renderer.yellow(`${summary.unknown} unknown`)] : []),
    ]
    const unknown =
      summary.unknown > 0 && summary.failed === 0 ? 'No check failed, but some could not be completed.\n' : ''
    const denied = checks.some((check) => check.denied)
      ? `Hint: checks were skipped for missing permissions; see ${packageFile('docs/permissions.md')}\n`
      : ''
    return `${formatFindings(findings, renderer)}\n${summary.total} checks: ${counts.join(', ')}\n${unknown}${denied}`
  }
}
