/**
 * The settings of a cqlshrc that this shell honors, as one typed value. Names and meanings are those of Apache's cqlsh
 * (apache/cassandra pylib/cqlshlib/cqlshmain.py `read_options`, copyutil.py `maybe_read_config_file`). Where to
 * connect and how to log in ([authentication], [connection] hostname, port and ssl, [ssl], [certfiles]) is not read:
 * the plugin takes that from the cluster.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CassSniError } from '../errors.ts'
import { homePath } from '../files/home-path.ts'
import { type IniFile, type IniOption, type IniSection, interpolated, invalid, parseIni } from '../files/ini-file.ts'
import { readText } from '../files/input-file.ts'
import { LONGEST_TIMER_MS } from '../waiting/time-limit.ts'

/** How values are shown. Undefined: the shell's own default. */
export interface UiSettings {
  color?: boolean | undefined
  /** strftime format of a timestamp. */
  timeFormat?: string | undefined
  /** IANA name of the time zone that timestamps are shown in. */
  timezone?: string | undefined
  /** Significant digits of a float, from 0. */
  floatPrecision?: number | undefined
  /** The same of a double. */
  doublePrecision?: number | undefined
  /** The key that completes, as readline names it ("tab"). */
  completeKey?: string | undefined
}

/** An option of COPY as a cqlshrc holds it: not interpolated, not checked. */
export interface CopySetting {
  /** In capitals, as COPY names it. */
  name: string
  value: string
  /** Line of the file, from 1. */
  line: number
}

/** The settings of a cqlshrc. All are optional. */
export interface Cqlshrc {
  /** Path of the file; undefined without one. */
  file?: string | undefined
  ui: UiSettings
  connection: {
    /** For one connection, in milliseconds. */
    timeoutMs?: number | undefined
    /** For one statement, in milliseconds; 0 turns the limit off. */
    requestTimeoutMs?: number | undefined
  }
  tracing: {
    /** How long to wait until Cassandra has written a trace, in milliseconds. */
    maxTraceWaitMs?: number | undefined
  }
  history: { disabled?: boolean | undefined }
  /** Options of COPY by section: "copy", "copy-from", "copy:ks.table", "copy-from:ks.table". */
  copy: ReadonlyMap<string, readonly CopySetting[]>
}

/** The settings of a shell without a cqlshrc. */
export const NO_CQLSHRC: Cqlshrc = { ui: {}, connection: {}, tracing: {}, history: {}, copy: new Map() }

/**
 * Reads the file of --cqlshrc, else ~/.cassandra/cqlshrc if it exists.
 * Throws CSNI104 when a file that was named cannot be read, CSNI107 with file and line for what it cannot hold.
 */
export async function readCqlshrc(named: string | undefined, signal: AbortSignal): Promise<Cqlshrc> {
  const found = await readCqlshrcText(named, signal)
  return found === undefined ? NO_CQLSHRC : parseCqlshrc(found.text, found.file)
}

/** Returns the text of the same file; undefined without one. Throws CSNI104 as `readCqlshrc` does. */
export async function readCqlshrcText(
  named: string | undefined,
  signal: AbortSignal,
): Promise<{ file: string; text: string } | undefined> {
  const file = named === undefined ? join(homedir(), '.cassandra', 'cqlshrc') : homePath(named)
  try {
    return { file, text: await readText(file, signal) }
  } catch (error) {
    if (named === undefined && isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  const { cause } = error instanceof CassSniError ? error : {}
  return ['ENOENT', 'ENOTDIR'].includes(String((cause as NodeJS.ErrnoException | undefined)?.code))
}

/** The settings of a cqlshrc's text. Pure. Options it does not know are ignored; wrong values are CSNI107. */
export function parseCqlshrc(text: string, file: string): Cqlshrc {
  const ini = parseIni(text, file)
  const value = reader(ini, file)
  return {
    file,
    ui: {
      color: value('ui', 'color', boolean),
      // datetimeformat: what cqlshrc.sample called it before Cassandra 3
      timeFormat: value('ui', 'time_format', asIs) ?? value('ui', 'datetimeformat', asIs),
      timezone: value('ui', 'timezone', timezone),
      floatPrecision: value('ui', 'float_precision', count),
      doublePrecision: value('ui', 'double_precision', count),
      completeKey: value('ui', 'completekey', word),
    },
    connection: {
      timeoutMs: inMs(value('connection', 'timeout', count)),
      requestTimeoutMs: inMs(value('connection', 'request_timeout', count)),
    },
    tracing: { maxTraceWaitMs: inMs(value('tracing', 'max_trace_wait', duration)) },
    history: { disabled: value('history', 'disabled', boolean) },
    copy: new Map([...ini].filter(([name]) => /^copy(-to|-from)?(:|$)/.test(name)).map(copySection)),
  }
}

function copySection([name, section]: [string, IniSection]): [string, CopySetting[]] {
  return [
    name,
    [...section.values()].map((option) => ({ name: option.name.toUpperCase(), value: option.raw, line: option.line })),
  ]
}

/**
 * The options of COPY for a table: [copy], [copy-from] or [copy-to], [copy:ks.table], then
 * [copy-from:ks.table]; a later one wins.
 */
export function copySettings(
  cqlshrc: Cqlshrc,
  direction: 'from' | 'to',
  table: { keyspace: string; table: string },
): CopySetting[] {
  const name = `${table.keyspace}.${table.table}`
  const sections = ['copy', `copy-${direction}`, `copy:${name}`, `copy-${direction}:${name}`]
  const settings = sections.flatMap((section) => cqlshrc.copy.get(section) ?? [])
  return [...new Map(settings.map((setting) => [setting.name, setting])).values()]
}

/** One kind of value. `read` returns undefined for an invalid text. */
interface Kind<T> {
  /** "%" is an ordinary character. */
  literal?: boolean
  expected: string
  read: (text: string) => T | undefined
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  yes: true,
  true: true,
  on: true,
  '0': false,
  no: false,
  false: false,
  off: false,
}
const boolean: Kind<boolean> = { expected: 'on or off', read: (text) => BOOLEANS[text.toLowerCase()] }
const count: Kind<number> = {
  expected: 'a whole number',
  read: (text) => (/^\+?\d{1,15}$/.test(text) ? Number(text) : undefined),
}
const duration: Kind<number> = {
  expected: 'a number of seconds',
  read: (text) => (/^\+?(\d{1,9}(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : undefined),
}
const word: Kind<string> = { expected: 'a word', read: (text) => (/\n/.test(text) ? undefined : text) }
const asIs: Kind<string> = { ...word, literal: true }
const timezone: Kind<string> = {
  expected: 'the name of a time zone, such as Europe/Berlin',
  read: (text) => {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: text }) && text
    } catch {
      return undefined
    }
  },
}

type ReadValue = <T>(section: string, name: string, kind: Kind<T>) => T | undefined

/** Reads single values; an empty one counts as not set. */
function reader(ini: IniFile, file: string): ReadValue {
  return (sectionName, name, kind) => {
    const section = ini.get(sectionName)
    const option = section?.get(name)
    if (section === undefined || option === undefined) return undefined
    const text = kind.literal === true ? option.raw : interpolated(option, section, file)
    if (text === '') return undefined
    const value = kind.read(text)
    if (value === undefined) throw wrongValue(file, sectionName, option, kind.expected)
    return value
  }
}

function wrongValue(file: string, section: string, option: IniOption, expected: string): CassSniError {
  return invalid(
    file,
    option.line,
    `invalid value "${option.raw}" of [${section}] ${option.name}: expected ${expected}`,
  )
}

function inMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.min(Math.round(seconds * 1_000), LONGEST_TIMER_MS)
}
