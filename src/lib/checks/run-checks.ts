/** Runs checks: in parallel, each after those it needs. Tells results as data and events. */
import pLimit, { type LimitFunction } from 'p-limit'
import type { CassandraNode } from '../cassandra/datacenter.ts'
import { statusOf } from '../cluster/api-errors.ts'
import { asCassSniError, CassSniError, type ErrorCode, throwIfAborted } from '../errors.ts'
import type { Emit } from '../events.ts'
import { CATEGORIES, type Check, type CheckCode, type CheckResult, type Outcome } from './check.ts'

/**
 * How many checks run at once: handshakes and logins of many nodes must not overrun the gateway or a small API
 * server.
 */
const AT_ONCE = 8
/**
 * Errors that say that nothing could be seen: the API server cannot be reached, refuses the credentials or fails, or a
 * proxy lets no tunnel through.
 */
const NOTHING_SEEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['CSNI103', 'CSNI201', 'CSNI202', 'CSNI208', 'CSNI607'])

export interface RunChecksOptions<Probes> {
  checks: readonly Check<Probes>[]
  probes: Probes
  /** Those that the per-node checks are made for. */
  nodes: readonly CassandraNode[]
  signal: AbortSignal
  emit: Emit
  /** Warnings count as failures. */
  strict?: boolean
}

export interface Report {
  ok: boolean
  /** In order of the registry, then of the nodes. */
  checks: CheckResult[]
  summary: { total: number; passed: number; failed: number; warnings: number; skipped: number; unknown: number }
}

/**
 * Runs all checks and resolves with all results; a check that fails throws nothing. Rejects with the signal's reason,
 * or
 * with whatever a check threw that is no CassSniError: that is a bug of the check.
 */
export async function runChecks<Probes>(options: RunChecksOptions<Probes>): Promise<Report> {
  const { checks, nodes, emit } = options
  const limit = pLimit(AT_ONCE)
  const running: Running = { instances: new Map(), roots: new Map() }
  const ordered: { category: string; result: Promise<CheckResult> }[] = []
  for (const check of checks) {
    const instances = check.perNode ? nodes.map((node) => ({ check, node })) : [{ check, node: undefined }]
    for (const { node } of instances) {
      const of = (codes: readonly CheckCode[] = []) =>
        codes.flatMap((code) => instancesOf(code, node, running.instances))
      const before = { needed: of(check.needs), unless: of(check.unless) }
      const result = one(check, node, before, running.roots, options, limit)
      // Whoever needs it awaits it too; a bug is told once, by the collection below.
      result.catch(() => {})
      running.instances.set(key(check.code, node), result)
      ordered.push({ category: check.category, result })
    }
  }
  for (const category of CATEGORIES) {
    const own = ordered.filter((each) => each.category === category).map(({ result }) => result)
    if (own.length > 0) tellCategory(category, own, emit)
  }
  const results = await Promise.all(ordered.map(({ result }) => result))
  return { ...judge(results, options.strict === true), checks: results }
}

/** What the results amount to. */
export function judge(results: readonly CheckResult[], strict: boolean): Omit<Report, 'checks'> {
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
  /** Of what was skipped for another's sake: the result that began it. */
  roots: Map<CheckResult, CheckResult>
}

const key = (code: CheckCode, node: CassandraNode | undefined) => (node === undefined ? code : `${code} ${node.pod}`)

/** The results to wait for: the same node's, or that of the whole, or those of all nodes. */
function instancesOf(
  code: CheckCode,
  node: CassandraNode | undefined,
  running: Running['instances'],
): Promise<CheckResult>[] {
  const exact = running.get(key(code, node)) ?? running.get(code)
  if (exact !== undefined) return [exact]
  return [...running].filter(([each]) => each.startsWith(`${code} `)).map(([, result]) => result)
}

/** The checks that go before another one, of the same node or of the whole. */
interface Before {
  /** Must have passed. */
  needed: Promise<CheckResult>[]
  /** Must not have failed. */
  unless: Promise<CheckResult>[]
}

const HOW: Readonly<Record<CheckResult['result'], string>> = {
  pass: 'passed',
  warning: 'warned',
  fail: 'failed',
  skipped: 'was skipped',
  unknown: 'could not look',
}

async function one<Probes>(
  check: Check<Probes>,
  node: CassandraNode | undefined,
  { needed, unless }: Before,
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
    const reason = `${root.code} ${HOW[root.result]}: ${root.title}`
    const skipped: CheckResult = { ...base, result: 'skipped', reason }
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
      return translated(error)
    }
  })
  switch (outcome.verdict) {
    case 'pass':
      return { ...base, result: 'pass', note: outcome.note }
    case 'skip':
      return { ...base, result: 'skipped', reason: outcome.reason }
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

/** What a known error means for the check that it ended. */
export function translated(error: CassSniError): Outcome {
  // CSNI304 stands for a Secret that is missing as well as for one that may not be read.
  if ([error, error.cause].some((each) => each instanceof CassSniError && each.code === 'CSNI203'))
    return { verdict: 'skip', reason: error.message }
  // Many an error sends its reader here.
  const next = error.next.filter(
    (step) => !('args' in step && step.args[0] === 'cass-sni' && step.args[1] === 'verify'),
  )
  // An answer of the API server where there should be a tunnel says nothing of what is at its end.
  const unseen = NOTHING_SEEN.has(error.code) || (error.code === 'CSNI601' && statusOf(error) !== undefined)
  return { verdict: unseen ? 'unknown' : 'fail', reason: error.message, next }
}

function tellCategory(category: string, own: Promise<CheckResult>[], emit: Emit): void {
  emit({ type: 'step', id: category, title: category, state: 'started' })
  Promise.all(own).then(
    (results) => {
      const bad = results.filter(({ result }) => result === 'fail' || result === 'unknown')
      const skipped = results.some(({ result }) => result === 'skipped')
      const note = `${results.filter(({ result }) => result === 'pass').length} of ${results.length} passed`
      emit({
        type: 'step',
        id: category,
        title: category,
        state: bad.length > 0 ? 'failed' : skipped ? 'skipped' : 'done',
        note,
      })
    },
    () => emit({ type: 'step', id: category, title: category, state: 'failed' }),
  )
}
