/** Runs checks in parallel, each after those it needs, and reports results as data and events. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { statusOf } from '../cluster/api-errors.ts'
import { asCassSniError, CassSniError, type ErrorCode, throwIfAborted } from '../errors.ts'
import type { Emit } from '../events.ts'
import { CATEGORIES, type Check, type CheckCode, type CheckResult, type Outcome } from './check.ts'

/**
 * Checks that run concurrently: handshakes and logins of many nodes must not overload the gateway or a small API
 * server.
 */
const CONCURRENCY = 8
/**
 * Errors that prevent any observation: the API server is unreachable, rejects the credentials or fails, or a proxy
 * blocks tunnels.
 */
const UNOBSERVABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CSNI103', 'CSNI201', 'CSNI202', 'CSNI208', 'CSNI607'])

export interface RunChecksOptions<Probes> {
  checks: readonly Check<Probes>[]
  probes: Probes
  /** Nodes for the per-node checks. */
  nodes: readonly CassandraNode[]
  signal: AbortSignal
  emit: Emit
  /** Warnings count as failures. */
  strict?: boolean
}

export interface Report {
  ok: boolean
  /** Ordered as in the registry, then by node. */
  checks: CheckResult[]
  summary: { total: number; passed: number; failed: number; warnings: number; skipped: number; unknown: number }
}

/**
 * Runs all checks and resolves with all results, failures included. Rejects with the signal's reason, or with anything
 * that a check threw other than a CassSniError: a bug in the check.
 */
export async function runChecks<Probes>(options: RunChecksOptions<Probes>): Promise<Report> {
  const { checks, nodes, emit } = options
  const limit = pLimit(CONCURRENCY)
  const running: Running = { instances: new Map(), roots: new Map() }
  const ordered: { category: string; result: Promise<CheckResult> }[] = []
  for (const check of checks) {
    const instances = check.perNode ? nodes.map((node) => ({ check, node })) : [{ check, node: undefined }]
    for (const { node } of instances) {
      const of = (codes: readonly CheckCode[] = []) =>
        codes.flatMap((code) => instancesOf(code, node, running.instances))
      const prerequisites = { needed: of(check.needs), unless: of(check.unless) }
      const result = runOne(check, node, prerequisites, running.roots, options, limit)
      // Dependents await it as well; a bug is reported once, by the collection below.
      result.catch(() => {})
      running.instances.set(key(check.code, node), result)
      ordered.push({ category: check.category, result })
    }
  }
  for (const category of CATEGORIES) {
    const own = ordered.filter((each) => each.category === category).map(({ result }) => result)
    if (own.length > 0) reportCategory(category, own, emit)
  }
  const results = await Promise.all(ordered.map(({ result }) => result))
  return { ...summarize(results, options.strict === true), checks: results }
}

/** Counts the results and decides whether the verification passed. */
export function summarize(results: readonly CheckResult[], strict: boolean): Omit<Report, 'checks'> {
  const count = (result: CheckResult['result']) => results.filter((each) => each.result === result).length
  const summary = {
    total: results.length,
    passed: count('pass'),
    failed: count('fail'),
    warnings: count('warning'),
    skipped: count('skipped'),
    unknown: count('unknown'),
  }
  const ok = summary.failed === 0 && summary.unknown === 0 && !(strict && summary.warnings > 0)
  return { ok, summary }
}

interface Running {
  /** By code, or code and pod. */
  instances: Map<string, Promise<CheckResult>>
  /** For a check that was skipped because of another: the result at the beginning of the chain. */
  roots: Map<CheckResult, CheckResult>
}

const key = (code: CheckCode, node: CassandraNode | undefined) => (node === undefined ? code : `${code} ${node.pod}`)

/** The results to wait for: of the same node, of a check without nodes, or of all nodes. */
function instancesOf(
  code: CheckCode,
  node: CassandraNode | undefined,
  running: Running['instances'],
): Promise<CheckResult>[] {
  const exact = running.get(key(code, node)) ?? running.get(code)
  if (exact !== undefined) return [exact]
  return [...running].filter(([each]) => each.startsWith(`${code} `)).map(([, result]) => result)
}

/** The checks that a check depends on. */
interface Prerequisites {
  /** Must have passed. */
  needed: Promise<CheckResult>[]
  /** Must not have failed. */
  unless: Promise<CheckResult>[]
}

async function runOne<Probes>(
  check: Check<Probes>,
  node: CassandraNode | undefined,
  { needed, unless }: Prerequisites,
  roots: Running['roots'],
  { probes, signal }: RunChecksOptions<Probes>,
  limit: LimitFunction,
): Promise<CheckResult> {
  const { code, category, title, severity } = check
  const base = { code, category, title, node: node?.pod }
  const obstacle =
    (await Promise.all(unless)).find(({ result }) => result === 'fail') ??
    (await Promise.all(needed)).find(({ result }) => result !== 'pass' && result !== 'warning')
  if (obstacle !== undefined) {
    const root = roots.get(obstacle) ?? obstacle
    const skipped: CheckResult = { ...base, result: 'skipped', reason: `requires ${root.code} (${root.title})` }
    roots.set(skipped, root)
    return skipped
  }
  const outcome = await limit(async () => {
    throwIfAborted(signal)
    try {
      return check.perNode ? await check.run(probes, node as CassandraNode) : await check.run(probes)
    } catch (error) {
      throwIfAborted(signal)
      if (!(error instanceof CassSniError) || error.code === 'CSNI903') throw asCassSniError(error)
      return outcomeOf(error)
    }
  })
  switch (outcome.verdict) {
    case 'pass':
      return { ...base, result: 'pass', note: outcome.note }
    case 'skip':
      return { ...base, result: 'skipped', reason: outcome.reason, denied: outcome.denied }
    case 'unknown':
      return { ...base, result: 'unknown', reason: outcome.reason, next: outcome.next }
    case 'fail':
      return {
        ...base,
        result: severity === 'warning' ? 'warning' : 'fail',
        reason: outcome.reason,
        next: outcome.next,
      }
  }
}

/** The outcome of a check that threw this error. */
export function outcomeOf(error: CassSniError): Outcome {
  // CSNI304 stands for a missing Secret as well as for one without permission to read.
  if ([error, error.cause].some((each) => each instanceof CassSniError && each.code === 'CSNI203'))
    return { verdict: 'skip', reason: error.message, denied: true }
  // Many errors propose `verify`, which is running.
  const next = error.next.filter(
    (step) => !('args' in step && step.args[0] === 'cass-sni' && step.args[1] === 'verify'),
  )
  // An HTTP status in place of a tunnel proves nothing about the far end.
  const unobserved = UNOBSERVABLE.has(error.code) || (error.code === 'CSNI601' && statusOf(error) !== undefined)
  return { verdict: unobserved ? 'unknown' : 'fail', reason: error.message, next }
}

function reportCategory(category: string, own: Promise<CheckResult>[], emit: Emit): void {
  emit({ type: 'step', id: category, title: category, state: 'started' })
  Promise.all(own).then(
    (results) => {
      const failing = results.filter(({ result }) => result === 'fail' || result === 'unknown')
      const skipped = results.some(({ result }) => result === 'skipped')
      const note = `${results.filter(({ result }) => result === 'pass').length} of ${results.length} passed`
      emit({
        type: 'step',
        id: category,
        title: category,
        state: failing.length > 0 ? 'failed' : skipped ? 'skipped' : 'done',
        note,
      })
    },
    () => emit({ type: 'step', id: category, title: category, state: 'failed' }),
  )
}
