/**
 * The plan as it is shown before the one question: a line per step, and below it each object and field that changes.
 * Pure.
 */
import type { Change, FieldChange } from '../../changes/changeset.ts'
import { displayName } from '../../cluster/resources.ts'
import { shell } from '../../text/shell-words.ts'
import type { StepPlan } from './step.ts'

/** More than this many characters of a value tell nothing in a list. */
const LONGEST = 60

/** "+ Title: note" for what changes, "= Title: note" for what stays. */
export function planLines(title: string, { state, note, command, changes }: StepPlan): string[] {
  const how = command === undefined ? '' : ` (runs ${shell`${command}`})`
  const objects = (changes?.changes ?? []).filter(({ action }) => action !== 'unchanged')
  return [`${state === 'change' ? '+' : '='} ${title}: ${note}${how}`, ...objects.flatMap(objectLines)]
}

function objectLines({ action, type, name, fields, reason }: Change): string[] {
  const line = `    ${displayName(type, name)} ${action}${reason === undefined ? '' : `: ${reason}`}`
  return [line, ...(action === 'configured' ? fields.map((field) => `      ${fieldLine(field)}`) : [])]
}

function fieldLine({ path, before, after }: FieldChange): string {
  return `${path}: ${valueText(before)} → ${valueText(after)}`
}

function valueText(value: unknown): string {
  if (value === undefined) return '(unset)'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}
