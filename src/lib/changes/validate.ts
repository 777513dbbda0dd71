/** Asks the server what it would say to a set of changes (dryRun=All): admission webhooks and schemas included. */
import type { Kube, KubeObject } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError } from '../errors.ts'
import type { Change, ChangeSet } from './changeset.ts'
import { managerOf } from './ownership.ts'

export interface Validation {
  /**
   * For each change, the object as it would be; undefined for what is unchanged and what the server cannot judge yet.
   */
  objects: (KubeObject | undefined)[]
  /** For each object that the server may not be asked about. */
  warnings: string[]
}

/**
 * Throws what the server would throw (CSNI206 for an object that it or a webhook refuses). What it cannot judge yet is
 * passed over: a kind or a namespace that an earlier step creates, a webhook that does not answer.
 */
export async function validateChanges(kube: Kube, { changes }: ChangeSet): Promise<Validation> {
  const warnings: string[] = []
  const objects = await Promise.all(changes.map((change) => validate(kube, change, warnings)))
  return { objects, warnings }
}

async function validate(
  kube: Kube,
  { action, desired, live, type, name }: Change,
  warnings: string[],
): Promise<KubeObject | undefined> {
  if (desired === undefined || action === 'unchanged' || action === 'pruned') return undefined
  const { object } = desired
  const uid = live?.metadata.uid
  const metadata = uid === undefined ? object.metadata : { ...object.metadata, uid }
  try {
    // whoever owns a field was found out by the comparison: here only the values are judged
    const manager = managerOf(desired.taker)
    return await kube.apply(type, { ...object, metadata }, { dryRun: true, force: true, manager })
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    if (error.code === 'CSNI203')
      warnings.push(`${displayName(type, name)} not validated by the server: ${error.message}`)
    else if (error.code !== 'CSNI204' && error.code !== 'CSNI205' && !isUnansweredWebhook(error)) throw error
    return undefined
  }
}

/**
 * True for the failure of an admission webhook that is registered and cannot be reached, or not yet be trusted:
 * cert-manager fills in its CA bundle a while after the registration (cert-manager/cert-manager
 * pkg/controller/cainjector).
 */
export function isUnansweredWebhook(error: unknown): boolean {
  if (!(error instanceof CassSniError) || !/failed calling webhook/.test(error.message)) return false
  // the quoted URL has a parameter `timeout` whatever happened
  const cause = error.message.replaceAll(/"[^"]*"/g, '')
  return /(connection refused|no endpoints|timeout|deadline|no route|x509:)/i.test(cause)
}
