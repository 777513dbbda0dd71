/** Lines of text for people: errors, warnings, changes. */
import type { CassSniError, RenderedStep } from '../errors.ts'
import type { ChangeRecord, FieldRecord } from '../events.ts'
import type { Palette } from './color.ts'
import { printable, printableLine } from '../text/untrusted.ts'

type Paint = Pick<Palette, 'bold' | 'dim' | 'green' | 'red' | 'yellow'>

/** "error: … [CSNI203]" and, indented below, the object (unless the message names it) and what to do next. */
export function errorText(
  error: CassSniError,
  steps: readonly RenderedStep[],
  paint: Paint,
  options: { stack?: boolean } = {},
): string {
  const message = continued(error.message, '\n  ')
  const lines = [`${paint.red('error:')} ${message} ${paint.dim(`[${error.code}]`)}`]
  const object = error.object === undefined ? '' : printableLine(error.object)
  if (object && !mentions(message, object)) lines.push(`  Object: ${object}`)
  for (const { label, text } of steps) lines.push(`  ${label}: ${continued(text, `\n${' '.repeat(label.length + 4)}`)}`)
  if (options.stack) lines.push(...stackOf(error).map((line) => paint.dim(`  ${printable(line)}`)))
  return `${lines.join('\n')}\n`
}

/** What begins a line of ours: a message may hold text of a server, which must not add such a line. */
const OURS = /^\s*(error|warning|object|try|hint|caused by)\b/i

/** The text with its lines below one another; one that looks like a line of ours is marked as quoted. */
function continued(text: string, indent: string): string {
  const [first = '', ...more] = printable(text).split('\n')
  return [first, ...more.map((line) => (OURS.test(line) ? `| ${line.trimStart()}` : line))].join(indent)
}

/** Whether the message already names the object: all of "secret/x in namespace y", in whatever order. */
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

/** "warning: …" in one line. */
export function warningText(message: string, code: string | undefined, paint: Paint): string {
  return `${paint.yellow('warning:')} ${printableLine(message)}${code ? ` ${paint.dim(`[${code}]`)}` : ''}\n`
}

/**
 * As kubectl prints it: "service/x created (dry run)". In a dry run each field that would change follows on a line of
 * its own, old → new.
 */
export function changeText(change: ChangeRecord, paint: Paint): string {
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
  return [`${what}${change.dryRun ? ' (dry run)' : ''}${reason}`, ...fields.map(fieldText), ''].join('\n')
}

/** Characters of a value: what still fits into a line. */
const LONGEST_VALUE = 80

function fieldText({ path, from, to }: FieldRecord): string {
  return `  ${printableLine(path)}: ${valueText(from)} → ${valueText(to)}`
}

function valueText(value: unknown): string {
  if (value === undefined) return '(none)'
  const text = printableLine(typeof value === 'string' ? value : JSON.stringify(value))
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE)}…`
}
