import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeName, state, volumeCount } from './layout.ts'

/** Local PersistentVolumes, which honor fsGroup, unlike host paths: Cassandra (UID 999) needs it. */
export async function createVolumes(): Promise<object[]> {
  const volumes = []
  for (let number = 1; number <= volumeCount; number++) {
    const name = `lab-volume-${number}`
    const path = join(state.volumes, name)
    await mkdir(path, { recursive: true })
    volumes.push({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, labels: { 'lab.cass-sni/volume': String(number) } },
      spec: {
        capacity: { storage: '2Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'server-storage',
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path },
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [nodeName] }] },
            ],
          },
        },
      },
    })
  }
  return volumes
}

/** Empties the directory of a volume for its next claim. */
export async function wipeVolume(name: string): Promise<void> {
  const directory = join(state.volumes, name)
  for (const entry of await readdir(directory)) await rm(join(directory, entry), { recursive: true, force: true })
}
