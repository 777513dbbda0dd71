import { isatty } from 'node:tty'
import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { cqlTerminal } from '../lib/cli/cql-terminal.ts'
import { again, CassSniError, command, hint, type NextStep } from '../lib/errors.ts'
import {
  datacenterFlags,
  durationFlag,
  gatewayFlags,
  nodeFlag,
  outputFlag,
  timeoutFlag,
  withoutFlags,
} from '../lib/cli/flags.ts'
import {
  addressFlag,
  type ClientFlags,
  clientOptions,
  loginFlags,
  API_SERVER_CERTIFICATE,
} from '../lib/cli/login-flags.ts'
import { withoutPassword } from '../lib/cli/next-steps.ts'
import { ARGUMENT } from '../lib/cli/usage-error.ts'
import type { TextRenderer } from '../lib/output/text-renderer.ts'
import type { CqlResult } from '../lib/workflows/cqlsh-workflow.ts'
import type { ClientFilesResult } from '../lib/workflows/cqlsh-files.ts'
import type { SessionChoice } from '../lib/workflows/cqlsh-session.ts'

/** Undefined for --exec. */
type Result = CqlResult | ClientFilesResult | undefined

const consistencyFlag = (kind: 'any' | 'serial', summary: string) =>
  Flags.custom<string>({
    helpValue: 'LEVEL',
    summary,
    parse: async (text) => {
      const { consistencyLevel } = await import('../lib/shell/commands/consistency-commands.ts')
      return consistencyLevel(text, kind)
    },
  })()

/** Flags and arguments of Apache's cqlsh (apache/cassandra pylib/cqlshlib/cqlshmain.py) that differ here. */
const CQLSH_FLAGS: Readonly<Record<string, NextStep>> = {
  [ARGUMENT]: hint('the address is read from the cluster; to override it, use --address HOST:PORT'),
  '-u': hint('use --username'),
  '-p': hint('set CASS_SNI_PASSWORD, or use --password-stdin: a password in the arguments is visible to other users'),
  '--password': hint('set CASS_SNI_PASSWORD, or use --password-stdin'),
  '--ssl': hint('TLS is always used'),
  '--no-color': hint('use --color never'),
  '-C': hint('use --color always'),
  '--debug': hint('use -v 6'),
  '--encoding': hint('input and output are always UTF-8'),
  '--credentials': hint('set CASS_SNI_PASSWORD, or use --password-stdin'),
  '--protocol-version': hint('native protocol v4 is always used'),
  '--cqlversion': hint('the CQL version is that of the node'),
  '--tty': hint('prompts are shown if stdin and stdout are terminals'),
  '-t': hint('prompts are shown if stdin and stdout are terminals'),
  '--disable-history': hint('set disabled = true in section [history] of a cqlshrc'),
  '--no-file-io': hint('COPY, SOURCE and CAPTURE cannot be disabled'),
}

/** Of this shell only: cqlsh has its own, after "--". */
const SHELL_FLAGS = [
  'continue-on-error',
  'page-size',
  'insecure-skip-tls-verify',
  'consistency-level',
  'serial-consistency-level',
  'connect-timeout',
  'statement-timeout',
  'print-env',
  'print-cqlshrc',
  'out',
  'ca-out',
  'with-password',
]

interface ExecFlags extends ClientFlags {
  execute?: string | undefined
  file?: string | undefined
  keyspace?: string | undefined
  cqlshrc?: string | undefined
  tunnel?: boolean | undefined
}

/** The program that --exec runs instead of "cqlsh". */
const CQLSH_VARIABLE = 'CASS_SNI_CQLSH'

export default class CqlshSni extends CassSniCommand<Result> {
  static override aliases = ['cqlsh']
  static override usage = ['<%= command.id %> [flags]', '<%= command.id %> --exec [flags] [-- ARGUMENT...]']
  static override strict = false
  static override summary = 'Open a CQL shell through the gateway.'
  static override description =
    "Sends SNI, verifies the certificate and logs in with the superuser's Secret. Connects to the gateway's " +
    'load balancer, or through the API server if the load balancer is unreachable. --exec runs your own installation ' +
    "of Apache's cqlsh.\n" +
    '\n' +
    'Reads statements from the terminal, -e, -f or a pipe. Stops at the first error and reports its line and ' +
    'column. -o csv is RFC 4180 with one header per result: null is an empty field, an empty string a pair of ' +
    'quotes. -o json and yaml list the columns and rows of each statement, -o jsonl prints one object per row; ' +
    'bigint, counter, varint and decimal are strings, so nothing is rounded.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> -n cassandra',
    '<%= config.bin %> <%= command.id %> -n cassandra --node 1 -e "SHOW HOST"',
    {
      description: 'Write the result of a query as CSV',
      command: '<%= config.bin %> <%= command.id %> -n cassandra -o csv -f query.cql > result.csv',
    },
    {
      description: 'Log in as another role; prompts for the password',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --username app -k shop',
    },
    {
      description: 'Write an environment file and the CA certificate for other clients',
      command: '<%= config.bin %> <%= command.id %> -n cassandra --print-env --out cassandra.env --ca-out ca.pem',
    },
  ]
  // --username, --client-key and --insecure-skip-tls-verify are about Cassandra here
  static override baseFlags = withoutFlags(
    CassSniCommand.baseFlags,
    'username',
    'password',
    'insecure-skip-tls-verify',
    ...API_SERVER_CERTIFICATE,
  )
  static override flags = {
    execute: Flags.string({
      char: 'e',
      helpValue: 'STATEMENTS',
      exclusive: ['file'],
      summary: 'Execute statements and exit.',
    }),
    file: Flags.string({
      char: 'f',
      helpValue: 'FILE',
      summary: 'Execute the statements in a file and exit (-: stdin).',
    }),
    'continue-on-error': Flags.boolean({
      summary: 'Continue after a failed statement (exit code 1).',
    }),
    keyspace: Flags.string({ char: 'k', helpValue: 'KEYSPACE', summary: 'Keyspace to use.' }),
    'page-size': Flags.integer({
      min: 1,
      max: 100_000,
      helpValue: 'ROWS',
      summary: 'Rows per page (default: 100 on a terminal, else 5000).',
    }),
    ...nodeFlag,
    ...datacenterFlags,
    ...loginFlags,
    'insecure-skip-tls-verify': Flags.boolean({
      summary: "Do not verify Cassandra's certificate (insecure).",
    }),
    ...gatewayFlags,
    ...addressFlag,
    tunnel: Flags.boolean({
      allowNo: true,
      summary: 'Always (--no-tunnel: never) connect through the API server.',
    }),
    'consistency-level': consistencyFlag('any', 'Consistency level (default: ONE).'),
    'serial-consistency-level': consistencyFlag(
      'serial',
      'Consistency level of lightweight transactions (default: SERIAL).',
    ),
    cqlshrc: Flags.string({
      helpValue: 'FILE',
      summary: 'Settings for display, COPY and time limits (default: ~/.cassandra/cqlshrc).',
    }),
    'connect-timeout': durationFlag({
      summary: 'Time limit for one connection, login included, such as 10s (the default); 0: no limit.',
    }),
    'statement-timeout': durationFlag({
      summary: 'Time limit for one statement, such as 75s (the default) or 10m; 0: no limit.',
    }),
    'print-env': Flags.boolean({
      exclusive: ['execute', 'file', 'print-cqlshrc'],
      summary: 'Print an environment file for other clients.',
    }),
    'print-cqlshrc': Flags.boolean({ exclusive: ['execute', 'file'], summary: "Print a cqlshrc for Apache's cqlsh." }),
    out: Flags.string({
      helpValue: 'FILE',
      summary: 'Write the output of --print-env or --print-cqlshrc to a file with mode 0600 (-: stdout).',
    }),
    exec: Flags.boolean({
      exclusive: SHELL_FLAGS,
      summary: "Run Apache's cqlsh (in PATH, or CASS_SNI_CQLSH) through a local port, with the arguments after --.",
    }),
    'ca-out': Flags.string({ helpValue: 'FILE', summary: 'Write the CA certificate to a file.' }),
    'with-password': Flags.boolean({ summary: 'Include the password in --print-env or --print-cqlshrc.' }),
    yes: Flags.boolean({ char: 'y', summary: 'Overwrite files whose content differs.' }),
    ...timeoutFlag,
    output: outputFlag(['table', 'json', 'jsonl', 'csv', 'yaml']),
  }
  static override foreignFlags = CQLSH_FLAGS
  protected readonly kind = 'CqlResult'
  /** A statement that takes longer may stream data. */
  protected override readonly smallHeapAfterMs = 400
  protected override readonly runsProgram = true
  #programExit: number | undefined

  protected async work(run: Run): Promise<Result> {
    const { flags } = await this.parse(CqlshSni)
    if (flags.exec) return this.#exec(run, flags)
    const [argument] = run.program
    if (argument !== undefined)
      throw new CassSniError('CSNI101', `arguments after "--" require --exec: ${argument}`, { next: [again`--exec`] })
    const form = flags['print-env'] ? 'env' : flags['print-cqlshrc'] ? 'cqlshrc' : undefined
    if (form === undefined && (flags.out ?? flags['ca-out'] ?? (flags['with-password'] || undefined)) !== undefined) {
      throw new CassSniError('CSNI101', '--out, --ca-out and --with-password require --print-env or --print-cqlshrc')
    }
    if (flags['ca-out'] === '-')
      throw new CassSniError('CSNI101', '--ca-out requires a file name', { next: [command`kubectl cass-sni certs ca`] })
    // Node puts U+FFFD in the place of bytes that are no UTF-8, and it would be stored.
    if (flags.execute?.includes('\ufffd'))
      throw new CassSniError('CSNI101', '-e is not valid UTF-8 or contains U+FFFD', {
        next: [hint('pass the statements with -f')],
      })
    const { stdout } = process
    const piped = flags.execute === undefined && flags.file === undefined
    // Prompts are for a person who sees them: `cqlsh-sni > FILE` at a terminal reads lines without any.
    const interactive = piped && isatty(0) && stdout.isTTY === true && form === undefined
    if (interactive && run.format !== 'table')
      throw new CassSniError('CSNI101', `-o ${run.format} requires statements from -e, -f or a pipe`)
    if (flags['password-stdin'] && (piped || flags.file === '-') && form === undefined) {
      throw new CassSniError(
        'CSNI101',
        '--password-stdin requires statements from -e or -f FILE: stdin holds the password',
      )
    }
    if (flags['insecure-skip-tls-verify'])
      run.log("WARNING: Cassandra's certificate is not verified; passwords and data can be intercepted", 0)
    const choice: SessionChoice = {
      ...(await clientOptions(flags)),
      tunnel: flags.tunnel === undefined ? 'auto' : flags.tunnel ? 'always' : 'never',
      keyspace: flags.keyspace,
      connectTimeoutMs: flags['connect-timeout'],
      statementTimeoutMs: flags['statement-timeout'],
      insecureSkipTlsVerify: flags['insecure-skip-tls-verify'],
    }
    const context = await run.context('CQL shell')
    if (form !== undefined) {
      const { clientFiles } = await import('../lib/workflows/cqlsh-files.ts')
      const { out, 'ca-out': caOut } = flags
      const files = await clientFiles(context, {
        ...choice,
        form,
        withPassword: flags['with-password'],
        out: out === '-' ? undefined : out,
        caOut,
        overwrite: flags.yes,
      })
      // Not to stdout, which may be one of the files (/dev/stdout).
      if (run.format === 'table') for (const line of fileLines(files)) run.log(line, 0)
      return files
    }
    const [{ cqlsh }, { readCqlshrc }] = await Promise.all([
      import('../lib/workflows/cqlsh-workflow.ts'),
      import('../lib/shell/cqlshrc.ts'),
    ])
    const cqlshrc = await readCqlshrc(flags.cqlshrc, run.signal)
    const terminal = await cqlTerminal(run, {
      statements: flags.execute,
      file: flags.file,
      interactive,
      continueOnError: flags['continue-on-error'],
      color: flags.color,
      cqlshrc,
    })
    return cqlsh(context, {
      ...choice,
      ...terminal,
      cqlshrc,
      version: this.config.version,
      pageSize: flags['page-size'],
      consistency: flags['consistency-level'],
      serialConsistency: flags['serial-consistency-level'],
    })
  }

  async #exec(run: Run, flags: ExecFlags): Promise<undefined> {
    if (run.format !== 'table')
      throw new CassSniError(
        'CSNI101',
        `-o ${run.format} cannot be combined with --exec: cqlsh writes to stdout itself`,
      )
    const { execute, file, keyspace } = flags
    const statements = execute === undefined ? undefined : withoutPassword(execute)
    const program = Object.entries({ '-k': keyspace, '-e': statements, '-f': file }).flatMap(([flag, value]) =>
      value === undefined ? [] : [flag, value],
    )
    if (program.length > 0)
      throw new CassSniError('CSNI101', `${program[0]} cannot be combined with --exec: pass it to cqlsh, after "--"`, {
        next: [{ again: [], without: ['keyspace', 'execute', 'file'], program }],
      })
    const { execCqlsh } = await import('../lib/workflows/cqlsh-exec-workflow.ts')
    await execCqlsh(await run.context('cqlsh'), {
      ...(await clientOptions(flags)),
      tunnel: flags.tunnel === undefined ? 'auto' : flags.tunnel ? 'always' : 'never',
      args: run.program,
      cqlshrc: flags.cqlshrc,
      start: async (args, env) => {
        await run.endProgress()
        const { runAttached } = await import('../lib/cli/attached-program.ts')
        const words = [process.env[CQLSH_VARIABLE] || 'cqlsh', ...args]
        const missing = [command`pip install cqlsh`, hint(`set ${CQLSH_VARIABLE} to the path of cqlsh`)]
        this.#programExit = await run.withoutCtrlC(() => runAttached(words, env, run.signal, missing))
      },
      connection: (event) => {
        if (event.type === 'refused') run.log(`${event.error.message} [${event.error.code}]`, 0)
      },
    })
    return undefined
  }

  protected override exitCodeOf(result: Result): number {
    return this.#programExit ?? super.exitCodeOf(result)
  }

  protected present(result: Result, renderer: TextRenderer): string {
    if (result === undefined || 'statements' in result) return ''
    const { text = '' } = result
    // unchanged for a file or a program
    return process.stdout.isTTY === true ? renderer.printable(text) : text
  }
}

function fileLines({ files, unchanged = [] }: ClientFilesResult): string[] {
  return files.map((file) => `${file} ${unchanged.includes(file) ? 'unchanged' : 'written'}`)
}
