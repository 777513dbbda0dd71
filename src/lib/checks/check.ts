/** What a check is: data. `registry.ts` lists them, `run.ts` runs them; neither knows how a result is shown. */
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { NextStep } from '../errors.ts'

export const CATEGORIES = ['datacenter', 'routes', 'certificates', 'cql'] as const
export type Category = (typeof CATEGORIES)[number]

/**
 * Codes of checks: CSNI81x datacenter, 82x routes, 83x certificates, 84x cql. Never reused; a retired one stays in
 * the registry's list of retired codes.
 */
export type CheckCode = `CSNI8${number}`

/** What a check found out. A skip says why it cannot tell. */
export type Outcome =
  | { verdict: 'pass'; note?: string }
  | { verdict: 'fail'; reason: string; next: NextStep[] }
  | { verdict: 'skip'; reason: string }

interface CheckBasics {
  code: CheckCode
  category: Category
  /** What is so when it passes: "the route is loaded in every gateway pod". */
  title: string
  /** A failed `warning` does not make the verification fail, unless it is strict, nor the checks that need it. */
  severity: 'error' | 'warning'
  /** Checks that must not have failed, else this one is skipped: of the same node where both are per node. */
  needs: CheckCode[]
}

/**
 * A check. `run` reads what it wants to know from the probes and never writes anything. It may throw a CassSniError:
 * that is
 * a failure with the error's message and next commands, or a skip when the error says that the user lacks a right.
 */
export type Check<Probes> =
  | (CheckBasics & { perNode: false; run: (probes: Probes) => Promise<Outcome> })
  | (CheckBasics & { perNode: true; run: (probes: Probes, node: CassandraNode) => Promise<Outcome> })

export const pass = (note?: string): Outcome => ({ verdict: 'pass', ...(note === undefined ? {} : { note }) })
export const fail = (reason: string, ...next: NextStep[]): Outcome => ({ verdict: 'fail', reason, next })
export const skip = (reason: string): Outcome => ({ verdict: 'skip', reason })

/** The result of one check, for one node where it is per node. */
export interface CheckResult {
  code: CheckCode
  category: Category
  title: string
  /** Pod name. */
  node?: string
  result: 'pass' | 'fail' | 'warning' | 'skipped'
  /** For pass: what was found. */
  note?: string
  /** For all but pass. */
  reason?: string
  /** For fail and warning: the commands that help, the best first. */
  next?: NextStep[] | undefined
}
