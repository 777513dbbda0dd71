import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../../lib/cli/base-command.ts'
import { changeFlags, datacenterFlags, gatewayFlags } from '../../lib/cli/flags.ts'
import { authorityOptions, replacementFlags } from '../../lib/cli/authority-flags.ts'
import type { TextRenderer } from '../../lib/output/text-renderer.ts'
import type { RotateCaResult } from '../../lib/workflows/certs-rotate-ca-workflow.ts'

type RenderedResult = Omit<RotateCaResult, 'next'> & {
  /** Suggested commands. */
  next: string[]
}

export default class CertsRotateCa extends CassSniCommand<RenderedResult> {
  static override summary = 'Replace the CA without an outage.'
  static override description =
    'Creates a new CA, or uses the one in --ca-file, and makes every node trust both CAs. Then stops: clients must ' +
    'receive both CAs (certs ca) before nodes serve certificates of the new one. --finish reissues the node ' +
    'certificates with the new CA, waits until every node serves them, and removes the previous CA. Nodes are not ' +
    'restarted.\n' +
    '\n' +
    'The state is stored in the CA Secret: rerun to resume after an interruption, on any machine. On a terminal, ' +
    'prompts before each step that affects clients.'
  static override examples = [
    {
      description: 'Make every node trust a new CA as well',
      command: '<%= config.bin %> certs rotate-ca -n cassandra',
    },
    {
      description: 'Once clients have both, switch to the new CA',
      command: '<%= config.bin %> certs rotate-ca -n cassandra --finish',
    },
    {
      description: 'Use your own CA',
      command: '<%= config.bin %> certs rotate-ca -n cassandra --ca-file ca.pem --ca-key-file ca.key',
    },
    {
      description: 'Let a cert-manager issuer sign from now on',
      command: '<%= config.bin %> certs rotate-ca -n cassandra --issuer company-ca',
    },
    { description: 'Replace an expired CA', command: '<%= config.bin %> certs rotate-ca -n cassandra --expired' },
  ]

  static override flags = {
    ...datacenterFlags,
    ...gatewayFlags,
    ...replacementFlags,
    finish: Flags.boolean({
      default: false,
      exclusive: ['abort'],
      summary: 'Clients have both CAs: switch to the new one and remove the previous one.',
    }),
    abort: Flags.boolean({
      default: false,
      summary: 'Remove the new CA, unless it signs already.',
    }),
    expired: Flags.boolean({
      default: false,
      exclusive: ['abort', 'finish'],
      summary: 'Replace an expired CA immediately: clients cannot connect until they have the new one.',
    }),
    ...changeFlags,
  }

  protected readonly kind = 'CertsRotateCa'

  protected async work(run: Run): Promise<RenderedResult> {
    const { flags } = await this.parse(CertsRotateCa)
    const { rotateCa } = await import('../../lib/workflows/certs-rotate-ca-workflow.ts')
    const result = await rotateCa(await run.context('CA rotation'), {
      datacenter: flags.datacenter,
      clusterDomain: flags['cluster-domain'],
      gateway: flags.gateway,
      gatewayPort: flags.port,
      authority: authorityOptions(flags),
      finish: flags.finish,
      abort: flags.abort,
      expired: flags.expired,
    })
    return { ...result, next: run.steps(result.next).map(({ text }) => text) }
  }

  protected present({ outcome, phase, authority, other, next }: RenderedResult, renderer: TextRenderer): string {
    const ca = ({ subject, notAfter }: NonNullable<typeof other>) =>
      `${renderer.printableLine(subject)} (expires ${notAfter.slice(0, 10)})`
    const lines = {
      waiting: phase === 'sign' ? 'The new CA signs; every node trusts both CAs.' : 'Every node trusts both CAs.',
      finished: 'CA rotated.',
      aborted: 'CA rotation aborted.',
      none: 'No CA rotation in progress.',
      planned: '',
    }
    return [
      ...(lines[outcome] === '' ? [] : [lines[outcome]]),
      ...(outcome === 'planned' ? [] : [`  Signing CA: ${ca(authority)}`]),
      ...(other === undefined || outcome === 'planned' ? [] : [`  Other CA:   ${ca(other)}`]),
      ...(next.length === 0
        ? []
        : [
            '',
            phase === 'sign'
              ? 'Reissue all client certificates, then continue:'
              : 'Distribute both CAs to all clients, then continue:',
            ...next.map((each) => `  ${each}`),
          ]),
    ].join('\n')
  }
}
