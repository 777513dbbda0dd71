import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeName, state, volumeCount } from './layout.ts'

/** Local PersistentVolumes: unlike host paths they honour fsGroup, which Cassandra (uid 999) needs. */
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

/** Empties the folder of a volume, so that it can be given to somebody else. */
export async function wipeVolume(name: string): Promise<void> {
  const folder = join(state.volumes, name)
  for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true, force: true })
}
