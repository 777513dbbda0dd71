/** What a check is: data. `registry.ts` lists them, `run-checks.ts` runs them; neither knows how a result is shown. */
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { NextStep } from '../errors.ts'

export const CATEGORIES = ['datacenter', 'routes', 'certificates', 'cql', 'address'] as const
export type Category = (typeof CATEGORIES)[number]

/**
 * Codes of checks: CSNI81x datacenter, 82x routes, 83x certificates, 84x cql, 85x address. Never reused; a retired one
 * stays in the registry's list of retired codes.
 */
export type CheckCode = `CSNI8${number}`

/**
 * What a check found out.
 * - skip: it was not made, for a reason that is no fault: a missing permission, nothing to check;
 * - unknown: it could not look, so that what it would have found is open: neither good nor bad.
 */
export type Outcome =
  | { verdict: 'pass'; note?: string | undefined }
  | { verdict: 'fail'; reason: string; next: NextStep[] }
  | { verdict: 'skip'; reason: string }
  | { verdict: 'unknown'; reason: string; next: NextStep[] }

interface CheckBasics {
  code: CheckCode
  category: Category
  /** What is so when it passes: "the route is loaded in every gateway pod". */
  title: string
  /** A failed `warning` does not make the verification fail, unless it is strict, nor the checks that need it. */
  severity: 'error' | 'warning'
  /**
   * Checks that must have passed (or only warned), else this one is skipped: of the same node where both are per node.
   */
  needs: CheckCode[]
  /** Checks that must not have failed; that one was skipped or could not look is no obstacle. */
  unless?: CheckCode[] | undefined
}

/**
 * A check. `run` reads what it wants to know from the probes and never writes anything. It may throw a CassSniError:
 * that is a failure with the error's message and next commands; a skip when the user lacks a permission; unknown when
 * the API server or the tunnel through it failed.
 */
export type Check<Probes> =
  | (CheckBasics & { perNode: false; run: (probes: Probes) => Promise<Outcome> })
  | (CheckBasics & { perNode: true; run: (probes: Probes, node: CassandraNode) => Promise<Outcome> })

export const pass = (note?: string): Outcome => ({ verdict: 'pass', note })
export const fail = (reason: string, ...next: NextStep[]): Outcome => ({ verdict: 'fail', reason, next })
export const skip = (reason: string): Outcome => ({ verdict: 'skip', reason })
export const unknown = (reason: string, ...next: NextStep[]): Outcome => ({ verdict: 'unknown', reason, next })

/** The result of one check, for one node where it is per node. */
export interface CheckResult {
  code: CheckCode
  category: Category
  title: string
  /** Pod name. */
  node?: string | undefined
  result: 'pass' | 'fail' | 'warning' | 'skipped' | 'unknown'
  /** For pass: what was found. */
  note?: string | undefined
  /** For all but pass. */
  reason?: string | undefined
  /** For fail, warning and unknown: the commands that help, the best first. */
  next?: NextStep[] | undefined
}
