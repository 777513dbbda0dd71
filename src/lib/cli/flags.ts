/** Flags that several commands share, with the same name and meaning everywhere. */
import { Flags } from '@oclif/core'
import { CONNECTION_FLAGS, type ConnectionFlag } from '../cluster/connection-flags.ts'
import { CassSniError } from '../errors.ts'
import { isDnsName } from '../text/dns-name.ts'
import { LONGEST_TIMER_MS } from '../waiting/time-limit.ts'

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * Parses a duration in kubectl's format into milliseconds: "90s", "10m", "1h30m", "500ms"; a plain number is seconds.
 * A longer one than a timer can be, 24.8 days, is as long as that. Throws CSNI101 if the text is invalid.
 */
export function parseDuration(text: string): number {
  return Math.min(Math.round(millisecondsOf(text)), LONGEST_TIMER_MS)
}

function millisecondsOf(text: string): number {
  const input = text.trim()
  if (/^\d+(\.\d+)?$/.test(input)) return Number(input) * 1000
  const parts = [...input.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== input) {
    throw new CassSniError('CSNI101', `invalid duration "${text}" (examples: 30s, 10m, 1h30m)`)
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}

/** Returns the DNS domain of a cluster in lower case without a final dot. Throws CSNI101 if it is invalid. */
export function parseClusterDomain(text: string): string {
  const domain = text.trim().toLowerCase().replace(/\.$/, '')
  if (isDnsName(domain) && !domain.startsWith('*')) return domain
  throw new CassSniError('CSNI101', `invalid DNS domain ${JSON.stringify(text)} (example: cluster.local)`)
}

/** A duration flag; the parsed value is in milliseconds. */
export const durationFlag = Flags.custom<number>({
  helpValue: 'DURATION',
  parse: async (text) => parseDuration(text),
})

function connectionFlag({ char, kind, value, summary }: ConnectionFlag) {
  const common = { summary, helpGroup: 'GLOBAL', ...(char ? { char } : {}) }
  const valued = { ...common, ...(value ? { helpValue: value } : {}) }
  switch (kind) {
    case 'switch':
      return Flags.boolean(common)
    case 'duration':
      return durationFlag(valued)
    case 'texts':
      return Flags.string({ ...valued, multiple: true, multipleNonGreedy: true })
    default:
      return Flags.string(valued)
  }
}

/**
 * kubectl's connection flags. `connectionOf` reads their values from the same list, so the type has no names.
 */
export function connectionFlags(): object {
  return Object.fromEntries(CONNECTION_FLAGS.map((flag) => [flag.name, connectionFlag(flag)]))
}

/** Omits flags of kubectl whose names have another meaning for a command. */
export function withoutFlags<T extends object>(flags: T, ...names: string[]): T {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => !names.includes(name))) as T
}

/** Flags of every command besides those of the connection and -o (`outputFlag`). */
export const commonFlags = {
  v: Flags.integer({
    char: 'v',
    min: 0,
    helpValue: 'LEVEL',
    helpGroup: 'GLOBAL',
    default: 0,
    noCacheDefault: true,
    summary: 'Log verbosity; 6 logs API requests, 9 adds stack traces.',
  }),
  color: Flags.option({
    options: ['auto', 'always', 'never'] as const,
    helpGroup: 'GLOBAL',
    default: 'auto' as const,
    summary: 'Color output; auto: on a terminal unless NO_COLOR is set.',
  })(),
}

/** -o with these formats; the first is the default. */
export const outputFlag = <const T extends readonly [string, ...string[]]>(formats: T) =>
  Flags.option({
    options: formats,
    char: 'o',
    default: formats[0] as T[number],
    summary: 'Output format.',
  })()

/** The gateway port; default: that of the routes, else 9042. */
export const gatewayPortFlag = Flags.integer({
  min: 1,
  max: 65_535,
  helpValue: 'PORT',
  summary: 'Gateway port for CQL clients (default: from existing routes, else 9042).',
})

/** Flags that select the datacenter. */
export const datacenterFlags = {
  datacenter: Flags.string({
    char: 'd',
    helpValue: 'NAME',
    summary: 'CassandraDatacenter name (required if the namespace has more than one).',
  }),
  'cluster-domain': Flags.custom<string>({
    helpValue: 'DOMAIN',
    parse: async (text) => parseClusterDomain(text),
    summary: 'DNS domain of the cluster (default: from existing routes, else CoreDNS, else cluster.local).',
  })(),
}

/** -A. */
export const everyDatacenterFlag = {
  'all-namespaces': Flags.boolean({
    char: 'A',
    default: false,
    exclusive: ['datacenter'],
    summary: 'Every datacenter in all namespaces.',
  }),
}

/** Flags that select the ingress gateway and its port. */
export const gatewayFlags = {
  gateway: Flags.string({
    helpValue: 'NAMESPACE/NAME',
    summary:
      'Ingress gateway Service, or Gateway resource with --api gateway (default: from existing routes, else the ' +
      'only one).',
  }),
  port: gatewayPortFlag,
}

/** A time limit for the whole run: CSNI901 and exit code 124 on expiry. */
export const timeoutFlag = {
  timeout: durationFlag({
    summary: 'Time limit for the whole command, such as 90s or 10m (0: no limit; default unit: seconds).',
  }),
}

/** For commands that change the cluster. */
export const changeFlags = {
  'dry-run': Flags.boolean({
    default: false,
    summary: 'Show changes without applying them. client and server are accepted and equivalent.',
  }),
  yes: Flags.boolean({
    char: 'y',
    default: false,
    summary: 'Skip confirmation prompts, which appear on a terminal only.',
  }),
  ...timeoutFlag,
}

/** One node of the datacenter. */
export const nodeFlag = {
  node: Flags.string({
    helpValue: 'NODE',
    summary: 'Pod name, host ID or pod ordinal.',
  }),
}
