import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import type { TunnelEvent } from '../lib/workflows/port-forward-workflow.ts'
import { CassSniError } from '../lib/errors.ts'
import {
  datacenterFlags,
  gatewayFlags,
  gatewayPortFlag,
  nodeFlag,
  outputFlag,
  portFlag,
  timeoutFlag,
} from '../lib/cli/flags.ts'

export default class PortForward extends CassSniCommand<undefined> {
  static override summary = 'Forward a local port to the gateway or to one node.'
  static override description =
    'Opens a tunnel through the API server for each client connection, to a gateway pod that is ready at that ' +
    'time, so new connections work after a gateway pod is replaced. Needs no load balancer. Runs until ' +
    'Ctrl-C.\n' +
    '\n' +
    'With --target node, traffic bypasses the gateway.'
  static override examples = [
    {
      description: 'Forward local port 9042 to the gateway',
      command: '<%= config.bin %> <%= command.id %> -n cassandra',
    },
    {
      description: 'Forward any free local port and print it',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --port 0',
    },
    {
      description: 'Forward to one node, bypassing the gateway',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --target node --node 1',
    },
  ]
  static override flags = {
    port: portFlag({ char: 'p', default: 9042, min: 0, summary: 'Local port (0: any free port).' }),
    target: Flags.option({
      options: ['gateway', 'node'] as const,
      summary: 'Forward to the gateway or to the pod of --node (default: gateway, or node if --node is given).',
    })(),
    ...nodeFlag,
    address: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      delimiter: ',',
      default: ['localhost'],
      helpValue: 'ADDRESS',
      summary: 'Local IP address or localhost to listen on (repeatable).',
    }),
    'gateway-port': gatewayPortFlag,
    gateway: gatewayFlags.gateway,
    ...datacenterFlags,
    ...timeoutFlag,
    output: outputFlag(['text', 'json']),
  }
  protected readonly kind = 'PortForward'
  protected override readonly enveloped = 'lines'
  protected override readonly untilInterrupted = true

  protected async work(run: Run): Promise<undefined> {
    const { flags } = await this.parse(PortForward)
    const target = flags.target ?? (flags.node === undefined ? 'gateway' : 'node')
    if (target === 'gateway' && flags.node !== undefined)
      throw new CassSniError('CSNI101', '--node requires --target node: through the gateway, SNI selects the node')
    const [{ forwardingText, portForward }, { printableLine }, { jsonLine }] = await Promise.all([
      import('../lib/workflows/port-forward-workflow.ts'),
      import('../lib/text/untrusted.ts'),
      import('../lib/output/envelope.ts'),
    ])
    await portForward(await run.context('Port-forward'), {
      target,
      node: flags.node,
      datacenter: flags.datacenter,
      clusterDomain: flags['cluster-domain'],
      gateway: flags.gateway,
      gatewayPort: flags['gateway-port'],
      addresses: flags.address,
      port: flags.port,
      ready: (forwarding) => {
        const { warnings: unrendered, ...result } = forwarding
        const warnings = unrendered.map(({ next, ...warning }) => ({
          ...warning,
          next: run.steps(next).map(({ text }) => text),
        }))
        // One line, for programs that start this one and wait for it.
        run.print(
          run.format === 'json'
            ? jsonLine({ apiVersion: 'cass-sni/v1', kind: this.kind, result, warnings })
            : forwardingText({ ...forwarding, target: printableLine(forwarding.target) }),
        )
        if (run.format === 'json') return
        for (const { message, code, next } of warnings) {
          run.log(`warning: ${message} [${code}]`, 0)
          for (const text of next) run.log(`  Try: ${text}`, 0)
        }
      },
      connection: (event) => {
        run.log(connectionLine(event, run), isFailure(event) ? 0 : 1)
      },
    })
    return undefined
  }

  protected present(): string {
    return ''
  }
}

/** Whether a connection failed for a reason other than the client. */
function isFailure(event: TunnelEvent): boolean {
  return event.type === 'refused' || (event.type === 'closed' && event.broken?.by === 'remote end')
}

function connectionLine(event: TunnelEvent, run: Run): string {
  switch (event.type) {
    case 'opened':
      return `connection ${event.id} from ${event.client} opened`
    case 'closed':
      return (
        `connection ${event.id} ` +
        `closed${event.broken === undefined ? '' : ` by the ${event.broken.by} (${event.broken.reason})`}: ` +
        `${event.sent} bytes sent, ${event.received} received`
      )
    case 'refused':
      return (
        `connection ${event.id} failed: ` +
        `${[event.error.message, ...run.steps(event.error.next.slice(0, 1)).map(({ text }) => text)].join('; ')} ` +
        `[${event.error.code}]`
      )
  }
}
