/** The node whose pod is deleted, and which is replaced, under churn. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Login } from '../test/support/name-probe.ts'
import { must, NAMESPACE, run, until } from '../test/support/lab.ts'
import { replacementTask } from '../test/support/replacement-task.ts'

export const NODE = 'dse-dc1-default-sts-1'

const execute = promisify(execFile)
const kubectl = async (...args: string[]): Promise<string> => (await execute('kubectl', args)).stdout

/** Lets cass-operator replace the node: another volume, and another host ID. */
export async function replaceNode(): Promise<void> {
  await must(run('kubectl', ['apply', '-f', '-'], { stdin: replacementTask(NODE) }))
}

interface DatacenterStatus {
  nodeStatuses: Record<string, { hostID: string }>
  nodeReplacements?: string[]
}

/** Returns the status of the datacenter. */
export async function datacenterStatus(): Promise<DatacenterStatus> {
  return JSON.parse(await kubectl('get', 'cassandradatacenter', 'dc1', '-n', NAMESPACE, '-o', 'json')).status
}

interface PodState {
  metadata?: { uid: string }
  status?: { conditions?: { type: string; status: string }[] }
}

/** The pod of the node; empty if it does not exist. */
async function nodePod(): Promise<PodState> {
  return JSON.parse((await kubectl('get', 'pod', NODE, '-n', NAMESPACE, '--ignore-not-found', '-o', 'json')) || '{}')
}

/** Returns the uid of its pod; undefined if it does not exist. */
export async function uidOfNode(): Promise<string | undefined> {
  return (await nodePod()).metadata?.uid
}

/** Waits until the node is ready in another pod than this; returns when, in seconds since the epoch. */
export async function readyInAnotherPod(uid: string | undefined): Promise<number> {
  await until(
    `${NODE} is ready`,
    async () => {
      const { metadata, status } = await nodePod()
      const isReady = status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True')
      return metadata !== undefined && metadata.uid !== uid && isReady
    },
    300_000,
    1000,
  )
  return Date.now() / 1000
}

/** Returns the login of the superuser. */
export async function superuser(): Promise<Login> {
  const secret = JSON.parse(await kubectl('get', 'secret', 'dse-superuser', '-n', NAMESPACE, '-o', 'json'))
  const plain = (key: string): string => Buffer.from(secret.data[key], 'base64').toString('utf8')
  return { username: plain('username'), password: plain('password') }
}
