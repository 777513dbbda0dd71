import { access, constants, readFile, writeFile } from 'node:fs/promises'
import { openKube, ready } from './kube.ts'
import { checkout, state } from './layout.ts'
import { alive, readRecords } from './processes.ts'
import { LabError } from './progress.ts'

/** Written when a node is complete: its checkout and time. */
export interface LabRecord {
  since: string
  checkout: string
}

/** All processes of a running lab. */
export const daemons = [
  'cloud',
  'containerd',
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubelet',
] as const

export interface Health {
  up: boolean
  /** why it is not up */
  reason?: string
  record?: LabRecord
}

/** Whether the lab of this machine is running, from any checkout. Read-only. */
export async function health(): Promise<Health> {
  const record: LabRecord | undefined = await readFile(state.record, 'utf8').then(JSON.parse, () => undefined)
  const records = await readRecords()
  if (!record && records.length === 0) return { up: false, reason: 'not started' }
  if (!record) return { up: false, reason: 'incomplete' }
  const dead = daemons.filter((name) => !records.some((each) => each.name === name && alive(each)))
  if (dead.length > 0) return { up: false, record, reason: `${dead.join(', ')} not running` }
  if (!(await readable(state.kubeconfig))) throw new LabError('permission denied: the lab runs as root; use sudo')
  const kube = await openKube(state.kubeconfig)
  try {
    if (!(await ready(kube))) return { up: false, record, reason: 'kube-apiserver is not ready' }
  } finally {
    kube.close()
  }
  return { up: true, record }
}

const readable = (path: string) =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  )

/** Marks the lab as complete. */
export async function writeRecord(): Promise<void> {
  const record: LabRecord = { since: new Date().toISOString(), checkout }
  await writeFile(state.record, JSON.stringify(record))
}
