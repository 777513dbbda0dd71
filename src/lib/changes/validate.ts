/** Validates a set of changes with the API server (dryRun=All), including admission webhooks and schemas. */
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError } from '../errors.ts'
import type { Warning } from '../events.ts'
import { changesIn } from './change-plan.ts'
import type { Change, ChangeSet } from './changeset.ts'
import { managerOf } from './ownership.ts'

export interface Validation {
  /** For each change, the resulting object; undefined if unchanged, or if the server cannot validate it yet. */
  objects: (KubeObject | undefined)[]
  /** One for each object that could not be validated without more permissions. */
  warnings: Warning[]
}

/**
 * Throws the errors that the write would cause (CSNI206 if the server or a webhook refuses an object). Skips what
 * cannot be validated yet: a kind or namespace that an earlier step creates, a webhook that does not respond.
 */
export async function validateChanges(kube: Kube, set: ChangeSet): Promise<Validation> {
  const warnings: Warning[] = []
  const objects = await Promise.all(changesIn(set).map((change) => validate(kube, change, warnings)))
  return { objects, warnings }
}

async function validate(
  kube: Kube,
  { action, desired, live, type, name }: Change,
  warnings: Warning[],
): Promise<KubeObject | undefined> {
  if (desired === undefined || action === 'unchanged' || action === 'pruned') return undefined
  const { object } = desired
  const uid = live?.metadata.uid
  const metadata = uid === undefined ? object.metadata : { ...object.metadata, uid }
  try {
    // field conflicts were found by the comparison: this validates values only
    const manager = managerOf(desired.managerSuffix)
    return await kube.apply(type, { ...object, metadata }, { dryRun: true, force: true, manager })
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    if (error.code === 'CSNI203')
      warnings.push({
        message: `${displayName(type, name)}: cannot validate on the API server: ${error.message}`,
        next: error.next,
      })
    else if (error.code !== 'CSNI204' && error.code !== 'CSNI205' && !isUnansweredWebhook(error)) throw error
    return undefined
  }
}

/**
 * Returns whether an admission webhook is registered but unreachable or not trusted yet: cert-manager injects its CA
 * bundle some time after the registration (cert-manager/cert-manager pkg/controller/cainjector).
 */
export function isUnansweredWebhook(error: unknown): boolean {
  if (!(error instanceof CassSniError) || !/failed calling webhook/.test(error.message)) return false
  // the quoted URL always has a parameter `timeout`
  const cause = error.message.replaceAll(/"[^"]*"/g, '')
  return /(connection refused|no endpoints|timeout|deadline|no route|x509:)/i.test(cause)
}
