/** Errors, warnings and changes as text. */
import type { CassSniError, RenderedStep } from '../errors.ts'
import type { ChangeRecord, FieldRecord } from '../events.ts'
import type { Palette, Symbols } from './color.ts'
import { printable, printableLine } from '../text/untrusted.ts'

type Paint = Pick<Palette, 'bold' | 'dim' | 'green' | 'red' | 'yellow'>

/** "error: … [CSNI203]", with the object (unless the message names it) and the next steps indented below. */
export function errorText(
  error: CassSniError,
  steps: readonly RenderedStep[],
  paint: Paint,
  options: { stack?: boolean } = {},
): string {
  const message = continued(error.message, '\n  ')
  const [first, ...more] = message.split('\n')
  const lines = [`${paint.red('error:')} ${first} ${paint.dim(`[${error.code}]`)}`, ...more]
  const object = error.object === undefined ? '' : printableLine(error.object)
  if (object && !mentions(message, object)) lines.push(`  Object: ${object}`)
  lines.push(...stepLines(steps))
  if (options.stack) lines.push(...stackOf(error).map((line) => paint.dim(`  ${printable(line)}`)))
  return `${lines.join('\n')}\n`
}

/** The labels of this program's output: text from a server within a message must not imitate such a line. */
const LABELS = /^\s*(error|warning|object|try|hint|caused by)\b/i

/** The text with its further lines indented; a line that starts with one of the labels is marked as quoted. */
function continued(text: string, indent: string): string {
  const [first = '', ...more] = printable(text).split('\n')
  return [first, ...more.map((line) => (LABELS.test(line) ? `| ${line.trimStart()}` : line))].join(indent)
}

/** Whether the message names the object: all words of "secret/x in namespace y", in any order. */
function mentions(message: string, object: string): boolean {
  return object
    .split(/[\s/,]+/)
    .filter((word) => !['in', 'of', 'namespace', 'the'].includes(word))
    .every((word) => message.toLowerCase().includes(word.toLowerCase().replace(/s$/, '')))
}

function stackOf(error: Error): string[] {
  const own = (error.stack ?? '').split('\n').slice(1)
  return error.cause instanceof Error
    ? [...own, `caused by ${error.cause.stack ?? error.cause.message}`].flatMap((line) => line.split('\n'))
    : own
}

/** "warning: …" on one line, with the next steps indented below. */
export function warningText(
  { message, code, steps = [] }: { message: string; code?: string | undefined; steps?: readonly RenderedStep[] },
  paint: Paint,
): string {
  const first = `${paint.yellow('warning:')} ${printableLine(message)}${code ? ` ${paint.dim(`[${code}]`)}` : ''}`
  return `${[first, ...stepLines(steps)].join('\n')}\n`
}

function stepLines(steps: readonly RenderedStep[]): string[] {
  return steps.map(({ label, text }) => `  ${label}: ${continued(text, `\n${' '.repeat(label.length + 4)}`)}`)
}

/**
 * A change as kubectl prints it: "service/x created (dry run)". A dry run adds one line per field: old → new.
 */
export function changeText(change: ChangeRecord, paint: Paint & { symbols: Symbols }): string {
  const colors: Record<ChangeRecord['action'], (text: string) => string> = {
    created: paint.green,
    configured: paint.yellow,
    unchanged: paint.dim,
    pruned: paint.red,
    conflict: paint.red,
  }
  const reason = change.reason ? `: ${printableLine(change.reason)}` : ''
  const what = `${printableLine(change.object)} ${colors[change.action](change.action)}`
  const fields = change.dryRun ? (change.changes ?? []) : []
  return [
    `${what}${change.dryRun ? ' (dry run)' : ''}${reason}`,
    ...fields.map((field) => fieldText(field, paint.symbols)),
    '',
  ].join('\n')
}

/** Characters of a value: it shares one line with another. */
const LONGEST_VALUE = 80

function fieldText({ path, from, to }: FieldRecord, symbols: Symbols): string {
  return `  ${printableLine(path)}: ${valueText(from, symbols)} ${symbols.arrow} ${valueText(to, symbols)}`
}

function valueText(value: unknown, { more }: Symbols): string {
  if (value === undefined) return '(none)'
  const text = printableLine(typeof value === 'string' ? value : JSON.stringify(value))
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}${more}`
}
