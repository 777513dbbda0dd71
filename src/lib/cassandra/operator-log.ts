/** Errors about a datacenter in cass-operator's log, for those without an event or condition. */
import type { Kube } from '../cluster/kube.ts'
import { deploymentLog, oneLine } from '../cluster/workload-reasons.ts'
import { observeOperator } from './operator.ts'

const TAIL_LINES = 300

/**
 * Returns the newest error about this datacenter in a log. Pure. zap writes JSON, or tab-separated fields before a JSON
 * object (k8ssandra/cass-operator cmd/main.go); both have the field "error" and the datacenter's name.
 */
export function newestErrorIn(
  lines: readonly string[],
  datacenter: { name: string; namespace: string },
): string | undefined {
  for (const line of lines.toReversed()) {
    if (!/"level":"error"|\tERROR\t/.test(line) || !line.includes(`"${datacenter.name}"`)) continue
    if (!line.includes(`"${datacenter.namespace}"`)) continue
    const fields = fieldsOf(line)
    const message = fields?.['error'] ?? fields?.['msg']
    if (typeof message === 'string' && message !== '') return oneLine(message)
  }
  return undefined
}

function fieldsOf(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>
  } catch {
    // truncated, or in another format: skip the line
    return undefined
  }
}

/** Returns the newest error that cass-operator has logged about this datacenter; undefined without permission. */
export async function newestOperatorError(
  kube: Kube,
  datacenter: { name: string; namespace: string },
): Promise<string | undefined> {
  const operator = (await observeOperator(kube)).find(
    ({ watches }) => watches === 'all' || watches.includes(datacenter.namespace),
  )
  if (operator === undefined) return undefined
  return newestErrorIn(await deploymentLog(kube, operator.deployment, operator.namespace, TAIL_LINES), datacenter)
}
