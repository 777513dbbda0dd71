import { closeSync, writeSync } from 'node:fs'
import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import type { Forwarding, TunnelEvent } from '../lib/workflows/port-forward-workflow.ts'
import { CassSniError } from '../lib/errors.ts'
import { systemError } from '../lib/text/system-errors.ts'
import { datacenterFlags, gatewayFlags, gatewayPortFlag, nodeFlag, outputFlag, timeoutFlag } from '../lib/cli/flags.ts'

export default class PortForward extends CassSniCommand<undefined> {
  static override summary = 'Forward local ports to the gateway or to nodes.'
  static override usage = '<%= command.id %> [flags] [-- PROGRAM [ARGUMENT...]]'
  static override strict = false
  static override description =
    'Opens a tunnel through the API server for each client connection, to a gateway pod that is ready at that ' +
    'time, so new connections work after a gateway pod is replaced. Requires no load balancer. Runs until ' +
    'Ctrl-C.\n' +
    '\n' +
    'With --sni, for programs that cannot send SNI, clients connect without TLS; from here on, the connection is ' +
    'encrypted, and the node is verified. "any" uses the nodes in turn, "all" opens one port per node.\n' +
    '\n' +
    'PROGRAM runs with CASSANDRA_HOST and CASSANDRA_PORT in its environment; the command ends with its exit code.\n' +
    '\n' +
    'With --target node, traffic bypasses the gateway.'
  static override examples = [
    {
      description: 'Forward local port 9042 to the gateway',
      command: '<%= config.bin %> <%= command.id %> -n cassandra',
    },
    {
      description: 'Run a script that connects to $CASSANDRA_HOST and $CASSANDRA_PORT without TLS',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --sni any -- ./migrate.sh',
    },
    {
      description: 'Forward to one node, bypassing the gateway',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --target node --node 1',
    },
  ]
  static override flags = {
    port: Flags.integer({
      char: 'p',
      min: 0,
      max: 65_535,
      helpValue: 'PORT',
      summary: 'Local port, or the first of several (0: any free port; default: 9042, or 0 with PROGRAM).',
    }),
    sni: Flags.string({
      helpValue: 'NODE|any|all',
      exclusive: ['target', 'node'],
      summary: 'Accept clients without TLS, and connect with TLS and SNI (pod name, ordinal, host ID, any or all).',
    }),
    ca: Flags.string({
      helpValue: 'FILE',
      dependsOn: ['sni'],
      summary: 'PEM file of the CA (default: from the cluster).',
    }),
    'gateway-address': Flags.string({
      helpValue: 'HOST[:PORT]',
      dependsOn: ['sni'],
      exclusive: ['gateway'],
      summary: 'Connect to the gateway at this address instead of through a tunnel.',
    }),
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
    'ready-fd': Flags.integer({
      min: 3,
      helpValue: 'NUMBER',
      summary: 'Write one line of JSON to this file descriptor when the ports are open, and close it.',
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
  protected override readonly runsProgram = true
  /** Connections that have ended are garbage. */
  protected override readonly smallHeapAfterMs = 400
  #programExit = 0

  protected async work(run: Run): Promise<undefined> {
    const { flags } = await this.parse(PortForward)
    const target = flags.target ?? (flags.node === undefined ? 'gateway' : 'node')
    if (target === 'gateway' && flags.node !== undefined)
      throw new CassSniError('CSNI101', '--node requires --target node: through the gateway, SNI selects the node')
    const { program } = run
    const runs = program.length > 0
    if (runs && run.format === 'json')
      throw new CassSniError('CSNI101', '-o json cannot be combined with a program, which writes to stdout itself')
    const [{ forwardingText, portForward }, { printableLine }, { jsonLine }] = await Promise.all([
      import('../lib/workflows/port-forward-workflow.ts'),
      import('../lib/text/untrusted.ts'),
      import('../lib/output/envelope.ts'),
    ])
    const lineOf = (forwarding: Forwarding) => {
      const { warnings: unrendered, ...result } = forwarding
      const warnings = unrendered.map(({ next, ...warning }) => ({
        ...warning,
        next: run.steps(next).map(({ text }) => text),
      }))
      return { apiVersion: 'cass-sni/v1', kind: this.kind, result, warnings }
    }
    await portForward(await run.context('Port-forward'), {
      target,
      sni: flags.sni,
      caFile: flags.ca,
      gatewayAddress: flags['gateway-address'],
      node: flags.node,
      datacenter: flags.datacenter,
      clusterDomain: flags['cluster-domain'],
      gateway: flags.gateway,
      gatewayPort: flags['gateway-port'],
      addresses: flags.address,
      port: flags.port ?? (runs ? 0 : 9042),
      ready: (forwarding) => {
        const line = lineOf(forwarding)
        // One line, for programs that start this one and wait for it.
        if (flags['ready-fd'] !== undefined) writeReady(flags['ready-fd'], jsonLine(line))
        if (run.format === 'json') {
          run.print(jsonLine(line))
          return undefined
        }
        const text = forwardingText({ ...forwarding, target: printableLine(forwarding.target) })
        if (!runs) run.print(text)
        else for (const each of text.trimEnd().split('\n')) run.log(each)
        for (const { message, code, next } of line.warnings) {
          run.log(`warning: ${message} [${code}]`, 0)
          for (const step of next) run.log(`  Try: ${step}`, 0)
        }
        return runs ? this.#attached(run, forwarding) : undefined
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

  protected override exitCodeOf(): number {
    return this.#programExit
  }

  async #attached(run: Run, { listening: [first] }: Forwarding): Promise<void> {
    const env = { CASSANDRA_HOST: first?.host ?? '', CASSANDRA_PORT: String(first?.port ?? '') }
    const { runAttached } = await import('../lib/cli/attached-program.ts')
    this.#programExit = await run.withoutCtrlC(() => runAttached(run.program, env, run.signal))
  }
}

/** Throws CSNI104 if the descriptor is not open. */
function writeReady(descriptor: number, line: string): void {
  try {
    writeSync(descriptor, line)
    closeSync(descriptor)
  } catch (error) {
    throw new CassSniError(
      'CSNI104',
      `cannot write to file descriptor ${descriptor} (--ready-fd): ${systemError(error)}`,
      {
        cause: error,
      },
    )
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
