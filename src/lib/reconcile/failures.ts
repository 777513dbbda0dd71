/** Events while routes are kept in sync, and the failures among them. */
import type { CassSniError } from '../errors.ts'
import type { ChangeRecord } from '../events.ts'
import type { NodeRoute } from '../routes/backends/backend.ts'
import type { Loaded } from './loaded-routes.ts'

/** An event while the routes of a datacenter are kept in sync. */
export type RouteEvent =
  /** Objects were written, or the route of a node has changed. */
  | { type: 'changed'; changes: ChangeRecord[]; nodes: NodeRoute[]; tookMs: number }
  /** Every gateway pod that could be checked has loaded the routes. */
  | { type: 'loaded'; loaded: Loaded }
  /** Syncing or watching failed and is retried. Reported once. */
  | { type: 'failing'; error: CassSniError }
  /** After `failing`. */
  | { type: 'recovered' }

/** Failures by source: each is reported once, and the recovery after the last one is resolved. */
export class Failures {
  readonly #report: (event: RouteEvent) => void
  readonly #signal: AbortSignal
  readonly #errors = new Map<string, CassSniError>()

  constructor(report: (event: RouteEvent) => void, signal: AbortSignal) {
    this.#report = report
    this.#signal = signal
  }

  /** The error that has lasted longest; undefined without one. */
  get current(): CassSniError | undefined {
    const [first] = this.#errors.values()
    return first
  }

  set(where: string, error: CassSniError | undefined): void {
    if (this.#signal.aborted) return
    if (error === undefined) {
      if (this.#errors.delete(where) && this.#errors.size === 0) this.#report({ type: 'recovered' })
      return
    }
    const before = [...this.#errors.values()].map(({ message }) => message)
    this.#errors.set(where, error)
    // one cause fails several watches
    if (!before.includes(error.message)) this.#report({ type: 'failing', error })
  }
}
