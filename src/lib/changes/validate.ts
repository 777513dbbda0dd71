/** Asks the server what it would say to a set of changes (dryRun=All): admission webhooks and schemas included. */
import type { Kube } from '../cluster/kube.ts'
import { displayName } from '../cluster/resources.ts'
import { CassSniError } from '../errors.ts'
import type { Change, ChangeSet } from './changeset.ts'
import { managerOf } from './ownership.ts'

/**
 * Throws what the server would throw (CSNI206 for an object that it or a webhook refuses). What it cannot judge yet is
 * passed over: a kind or a namespace that an earlier step creates, a webhook that does not answer. Returns a warning for
 * each object that it may not be asked about.
 */
export async function validateChanges(kube: Kube, { changes }: ChangeSet): Promise<string[]> {
  const answers = await Promise.all(changes.map((change) => validate(kube, change)))
  return answers.flatMap((warning) => warning ?? [])
}

async function validate(kube: Kube, { action, desired, live, type, name }: Change): Promise<string | undefined> {
  if (desired === undefined || (action !== 'created' && action !== 'configured')) return undefined
  const { object } = desired
  const uid = live?.metadata.uid
  const metadata = uid === undefined ? object.metadata : { ...object.metadata, uid }
  try {
    // whoever owns a field was found out by the comparison: here only the values are judged
    await kube.apply(type, { ...object, metadata }, { dryRun: true, force: true, manager: managerOf(desired.taker) })
    return undefined
  } catch (error) {
    if (!(error instanceof CassSniError)) throw error
    if (error.code === 'CSNI204' || error.code === 'CSNI205' || isUnansweredWebhook(error)) return undefined
    if (error.code === 'CSNI203') return `${displayName(type, name)} not validated by the server: ${error.message}`
    throw error
  }
}

/** True for the failure of an admission webhook that is registered and cannot be reached. */
export function isUnansweredWebhook(error: unknown): boolean {
  return (
    error instanceof CassSniError &&
    /failed calling webhook/.test(error.message) &&
    /(connection refused|no endpoints|timeout|deadline|no route)/i.test(error.message)
  )
}
