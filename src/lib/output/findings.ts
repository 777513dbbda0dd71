/** Findings of checks as text: a heading per category, a line per finding, its reason and next steps indented below. */
import type { RenderedStep } from '../errors.ts'
import type { TextRenderer } from './text-renderer.ts'
import { printableLine } from '../text/untrusted.ts'

export type Verdict = 'pass' | 'fail' | 'warning' | 'skipped' | 'unknown'

/** May contain text from the cluster, which is sanitized here. */
export interface Finding {
  heading: string
  verdict: Verdict
  code: string
  title: string
  /** The pod, for a check per node. */
  subject?: string | undefined
  note?: string | undefined
  reason?: string | undefined
  steps?: RenderedStep[] | undefined
}

/**
 * Findings that differ only in their subject are one line; passed ones regardless of their notes. Skipped or unknown
 * findings of one heading with the same reason are one line as well.
 */
export function formatFindings(findings: readonly Finding[], renderer: TextRenderer): string {
  const lines: string[] = []
  let heading: string | undefined
  for (const group of groupsOf(findings)) {
    const [first] = group
    if (first === undefined) continue
    if (first.heading !== heading) {
      heading = first.heading
      if (lines.length > 0) lines.push('')
      lines.push(renderer.bold(heading), renderer.dim('-'.repeat(heading.length)))
    }
    const titles = [...new Set(group.map(({ title }) => printableLine(title)))]
    const what = titles.length > 1 ? titles.join('; ') : `${titles.join('')}${subjectText(group, findings, renderer)}`
    lines.push(`${symbolOf(first.verdict, renderer)} ${what}`)
    if (first.reason !== undefined) lines.push(`    ${reasonText(first, first.reason, renderer)}`)
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

/** "skipped: requires CSNI821 (gateway pods are ready)", or the reason of a failure with its code. */
function reasonText({ verdict, code }: Finding, reason: string, renderer: TextRenderer): string {
  if (verdict === 'skipped') return `skipped: ${printableLine(reason)}`
  return `${verdict === 'unknown' ? 'unknown: ' : ''}${printableLine(reason)} ${renderer.dim(`[${code}]`)}`
}

/** The subject and note of a single finding, or the number of nodes of a group. */
function subjectText(group: Finding[], all: readonly Finding[], renderer: TextRenderer): string {
  const [first] = group
  if (first === undefined) return ''
  const note = first.note === undefined ? '' : `: ${printableLine(first.note)}`
  if (first.subject === undefined) return note
  if (group.length === 1) return ` ${renderer.dim(`(${printableLine(first.subject)})`)}${note}`
  const total = all.filter(({ code }) => code === first.code).length
  return ` ${renderer.dim(group.length === total ? `(${total} nodes)` : `(${group.length} of ${total} nodes)`)}`
}

function symbolOf(verdict: Verdict, renderer: TextRenderer): string {
  switch (verdict) {
    case 'pass':
      return renderer.green(renderer.symbols.ok)
    case 'fail':
      return renderer.red(renderer.symbols.fail)
    case 'warning':
      return renderer.yellow(renderer.symbols.warn)
    case 'skipped':
      return renderer.dim(renderer.symbols.skip)
    case 'unknown':
      return renderer.yellow(renderer.symbols.unknown)
  }
}
