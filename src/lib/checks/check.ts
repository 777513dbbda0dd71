/** Checks as data. `registry.ts` lists them and `run-checks.ts` runs them, both independent of any output. */
import type { CassandraNode } from '../cassandra/datacenter.ts'
import type { NextStep } from '../errors.ts'

export const CATEGORIES = ['datacenter', 'routes', 'certificates', 'cql', 'address', 'traffic', 'metadata'] as const
export type Category = (typeof CATEGORIES)[number]

/**
 * Codes of checks: CSNI81x datacenter, 82x routes, 83x certificates, 84x cql, 85x address, 86x traffic, 87x metadata.
 * Never reused; a retired one stays in the registry's list of retired codes.
 */
export type CheckCode = `CSNI8${number}`

/**
 * The outcome of a check.
 * - skip: not run for a harmless reason, such as a missing permission or nothing to check;
 * - unknown: the state could not be observed, so the result is open.
 */
export type Outcome =
  | { verdict: 'pass'; note?: string | undefined }
  | { verdict: 'fail'; reason: string; next: NextStep[] }
  | { verdict: 'skip'; reason: string; denied?: true | undefined }
  | { verdict: 'unknown'; reason: string; next: NextStep[] }

interface CheckBasics {
  code: CheckCode
  category: Category
  /** The healthy condition in at most six words: "gateway pods are ready". */
  title: string
  /** A failed `warning` fails neither the verification, unless it is strict, nor the checks that need it. */
  severity: 'error' | 'warning'
  /**
   * Checks that must have passed or warned, else this one is skipped: of the same node where both are per node.
   */
  needs: CheckCode[]
  /** Checks that must not have failed; skipped or unknown ones do not matter. */
  unless?: CheckCode[] | undefined
}

/**
 * A check. `run` reads the probes and writes nothing. A CassSniError that it throws is a failure with the error's
 * message and next steps; a skip if a permission is missing; unknown if the API server or the tunnel through it failed.
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
  /** For pass: the observed value. */
  note?: string | undefined
  /** For all results except pass. */
  reason?: string | undefined
  /** For skipped: a permission is missing. */
  denied?: true | undefined
  /** For fail, warning and unknown: what to do next, the best first. */
  next?: NextStep[] | undefined
}
