/** The plan as shown before the confirmation prompt: a line per step, then each object and field that changes. Pure. */
import { changesIn } from '../../changes/change-plan.ts'
import type { Change, FieldChange } from '../../changes/changeset.ts'
import { displayName } from '../../cluster/resources.ts'
import { shell } from '../../text/shell-words.ts'
import type { StepPlan } from './step.ts'

/** Characters of a value before it is cut. */
const MAX_VALUE_LENGTH = 60

/** Returns "+ Title: note" for a step with changes, "= Title: note" for one without. */
export function planLines(title: string, { state, note, command, changes }: StepPlan): string[] {
  const how = command === undefined ? '' : ` (runs ${shell`${command}`})`
  const objects = (changes === undefined ? [] : changesIn(changes)).filter(({ action }) => action !== 'unchanged')
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
  return text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH - 1)}…`
}
