/** The lines of `routes sync --watch`: one per change, as text or as a JSON envelope. */
import type { CassSniError, RenderedStep } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import { envelope, jsonLine, type Warning } from '../output/envelope.ts'
import { changeText } from '../output/messages.ts'
import type { TextRenderer } from '../output/text-renderer.ts'
import type { RoutesWatchEvent, RoutesWatchLine } from '../workflows/routes-watch-workflow.ts'

/** Changes and warnings of the first sync, for the first line. */
export interface Collected {
  changes: ChangeRecord[]
  warnings: Warning[]
}

const NOTHING: Collected = { changes: [], warnings: [] }

/**
 * Returns the lines of an event as text, each with the time; '' for events without a line.
 */
export function watchText(event: RoutesWatchEvent, time: Date, renderer: TextRenderer): string {
  const at = renderer.dim(time.toISOString().replace(/\.\d+Z$/, 'Z'))
  switch (event.type) {
    case 'changed': {
      const nodes = event.nodes.map(({ pod, state, hostId, reason }) => {
        const color = state === 'routed' ? renderer.green : renderer.yellow
        const details = [hostId === undefined ? undefined : `host ID ${hostId}`, reason].filter(Boolean).join(', ')
        const suffix = details === '' ? '' : ` (${renderer.printableLine(details)})`
        return `${at} ${renderer.printableLine(pod)} ${color(state)}${suffix}\n`
      })
      return [...event.changes.map((change) => `${at} ${changeText(change, renderer)}`), ...nodes].join('')
    }
    case 'recovered':
      return `${at} ${renderer.green('in sync again')}\n`
    case 'failing':
      return `${at} ${renderer.yellow('retrying')}, with pauses of up to 30s\n`
    case 'synced':
    case 'loaded':
      return ''
  }
}

/** Returns an event as one line of JSON. */
export function watchJson(
  kind: string,
  event: RoutesWatchEvent,
  time: Date,
  steps: (error: CassSniError) => RenderedStep[],
  collected: Collected = NOTHING,
): string {
  const error = event.type === 'failing' ? event.error : undefined
  const result: RoutesWatchLine = {
    time: time.toISOString(),
    event: event.type,
    nodes: event.type === 'synced' || event.type === 'changed' ? event.nodes : undefined,
    loaded: event.type === 'synced' || event.type === 'loaded' ? event.loaded : undefined,
    tookMs: event.type === 'changed' ? event.tookMs : undefined,
  }
  const changes = event.type === 'changed' ? event.changes : collected.changes
  const next = error === undefined ? [] : steps(error).map(({ text }) => text)
  return jsonLine(envelope(kind, { result, changes, warnings: collected.warnings, error, next }))
}
