/** What cass-operator's log says about a datacenter, where no event and no condition does. */
import type { Kube } from '../cluster/kube.ts'
import { deploymentLog, oneLine } from '../cluster/workload-reasons.ts'
import { observeOperator } from './operator.ts'

const TAIL_LINES = 300

/**
 * The newest error about this datacenter in the lines of a log. Pure. zap writes JSON, or tabs before a JSON object
 * (k8ssandra/cass-operator cmd/main.go); both have the fields "error" and the datacenter's name.
 */
export function complaintFrom(
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
    // cut in the middle, or another format: nothing to be learnt from this line
    return undefined
  }
}

/** The newest error that the operator of this datacenter has logged about it; undefined also without permission. */
export async function operatorComplaint(
  kube: Kube,
  datacenter: { name: string; namespace: string },
): Promise<string | undefined> {
  const operator = (await observeOperator(kube)).find(
    ({ watches }) => watches === 'all' || watches.includes(datacenter.namespace),
  )
  if (operator === undefined) return undefined
  return complaintFrom(await deploymentLog(kube, operator.deployment, operator.namespace, TAIL_LINES), datacenter)
}
