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
    'Opens one tunnel through the API server for each client connection, to a gateway pod that is ready at ' +
    'that moment: new connections survive a replaced gateway pod. Requires no load balancer. Runs until ' +
    'Ctrl-C.\n' +
    '\n' +
    'With --target node, traffic bypasses the gateway.'
  static override examples = [
    {
      description: 'Port 9042 of this machine to the gateway',
      command: '<%= config.bin %> <%= command.id %> -n cassandra',
    },
    {
      description: 'Any free port; prints the one chosen',
      command: '<%= config.bin %> <%= command.id %> --port 0',
    },
    {
      description: 'To one node, bypassing the gateway',
      command: '<%= config.bin %> <%= command.id %> --target node --node 1',
    },
  ]
  static override flags = {
    // First one with a letter: oclif shifts the help of a first flag without one.
    port: portFlag({ char: 'p', default: 9042, min: 0, summary: 'Local port; 0 for any free port.' }),
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
      throw new CassSniError('CSNI101', '--node goes with --target node: the gateway leads to all nodes, by SNI')
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
        const { warnings: found, ...result } = forwarding
        const warnings = found.map(({ next, ...warning }) => ({
          ...warning,
          next: run.steps(next).map(({ text }) => text),
        }))
        // One line, for a program that starts this one and waits for it.
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
        run.log(connectionLine(event, run), isTrouble(event) ? 0 : 1)
      },
    })
    return undefined
  }

  protected present(): string {
    return ''
  }
}

/** A connection that could not be served, or broke beyond the client's own doing, is worth a line. */
function isTrouble(event: TunnelEvent): boolean {
  return event.type === 'refused' || (event.type === 'closed' && event.broken?.by === 'far end')
}

function connectionLine(event: TunnelEvent, run: Run): string {
  switch (event.type) {
    case 'opened':
      return `connection ${event.id} of ${event.client} opened`
    case 'closed':
      return (
        `connection ${event.id} ` +
        `${event.broken === undefined ? 'ended' : `broken by the ${event.broken.by} (${event.broken.reason})`}: ` +
        `${event.sent} bytes sent, ${event.received} received`
      )
    case 'refused':
      return (
        `connection ${event.id} closed: ` +
        `${[event.error.message, ...run.steps(event.error.next.slice(0, 1)).map(({ text }) => text)].join('; ')} ` +
        `[${event.error.code}]`
      )
  }
}
