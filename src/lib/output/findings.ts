/** Findings of checks as text: a heading per category, a line per finding, reasons and next steps indented below it. */
import type { RenderedStep } from '../errors.ts'
import type { Show } from './show.ts'
import { printableLine } from '../text/untrusted.ts'

export type Verdict = 'pass' | 'fail' | 'warning' | 'skipped' | 'unknown'

/** Text of the cluster in it is made harmless here. */
export interface Finding {
  heading: string
  verdict: Verdict
  code: string
  title: string
  /** What it is about, where there are several: a pod. */
  about?: string | undefined
  note?: string | undefined
  reason?: string | undefined
  steps?: RenderedStep[] | undefined
}

/**
 * Findings that read the same but for what they are about are one line; good ones are, whatever their notes. Those of a
 * heading that were skipped, or could not look, for the same reason are one line as well: the reason is said once.
 */
export function formatFindings(findings: readonly Finding[], show: Show): string {
  const lines: string[] = []
  let heading: string | undefined
  for (const group of groupsOf(findings)) {
    const [first] = group
    if (first === undefined) continue
    if (first.heading !== heading) {
      heading = first.heading
      if (lines.length > 0) lines.push('')
      lines.push(show.bold(heading), show.dim('-'.repeat(heading.length)))
    }
    const titles = [...new Set(group.map(({ title }) => printableLine(title)))]
    const what = titles.length > 1 ? titles.join('; ') : `${titles.join('')}${subject(group, findings, show)}`
    lines.push(`${sign(first.verdict, show)} ${what}`)
    if (first.reason !== undefined)
      lines.push(
        `    ${printableLine(first.reason)}${first.verdict === 'skipped' ? '' : ` ${show.dim(`[${first.code}]`)}`}`,
      )
    for (const { label, text } of first.steps ?? []) lines.push(`    ${label}: ${printableLine(text)}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}

function groupsOf(findings: readonly Finding[]): Finding[][] {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const { heading, code, verdict, reason } = finding
    const same =
      verdict === 'skipped' || verdict === 'unknown'
        ? JSON.stringify([heading, verdict, reason])
        : JSON.stringify([code, verdict, verdict === 'pass' ? '' : reason])
    const group = groups.get(same)
    if (group === undefined) groups.set(same, [finding])
    else group.push(finding)
  }
  return [...groups.values()]
}

/** ": note" of a single one, else how many or which of them. */
function subject(group: Finding[], all: readonly Finding[], show: Show): string {
  const [first] = group
  if (first === undefined) return ''
  const note = first.note === undefined ? '' : `: ${printableLine(first.note)}`
  if (first.about === undefined) return note
  if (group.length === 1) return ` ${show.dim(`(${printableLine(first.about)})`)}${note}`
  const total = all.filter(({ code }) => code === first.code).length
  return ` ${show.dim(group.length === total ? `(${total} nodes)` : `(${group.length} of ${total} nodes)`)}`
}

function sign(verdict: Verdict, show: Show): string {
  switch (verdict) {
    case 'pass':
      return show.green(show.symbols.ok)
    case 'fail':
      return show.red(show.symbols.fail)
    case 'warning':
      return show.yellow(show.symbols.warn)
    case 'skipped':
      return show.dim(show.symbols.skip)
    case 'unknown':
      return show.yellow(show.symbols.unknown)
  }
}
