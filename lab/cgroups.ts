import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cgroupName } from './layout.ts'

const root = '/sys/fs/cgroup'

/** Is this cgroup v2? */
const isUnified = (): boolean => existsSync(join(root, 'cgroup.controllers'))

/** The lab's cgroup in every hierarchy: one folder with cgroup v2, one per controller with v1. */
async function folders(): Promise<string[]> {
  if (isUnified()) return [join(root, cgroupName)]
  const hierarchies = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  return hierarchies.map((entry) => join(root, entry.name, cgroupName))
}

/** Makes the cgroups below which the kubelet puts all pods. */
export async function createCgroups(): Promise<void> {
  if (isUnified()) {
    // a controller that this kernel has not, or that is on already, is refused: the kubelet says which it misses
    for (const controller of ['cpuset', 'cpu', 'io', 'memory', 'pids', 'hugetlb'])
      await writeFile(join(root, 'cgroup.subtree_control'), `+${controller}`).catch(() => {})
  }
  for (const folder of await folders()) {
    await mkdir(folder, { recursive: true })
    // a new cpuset is empty and would refuse every process
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (!folder.includes('/cpuset/')) continue
      await writeFile(join(folder, file), await readFile(join(folder, '..', file)))
    }
  }
}

/** All processes in the lab's cgroups: the containers', whoever their parent is by now. */
export async function cgroupProcesses(): Promise<number[]> {
  const pids = new Set<number>()
  for (const folder of await folders())
    for (const group of await below(folder))
      for (const pid of (await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n'))
        if (pid) pids.add(Number(pid))
  return [...pids]
}

/** Removes the lab's cgroups, deepest first. */
export async function removeCgroups(): Promise<void> {
  for (const folder of await folders())
    for (const group of (await below(folder)).reverse())
      for (let left = 20; left > 0; left--) {
        try {
          await rmdir(group)
          break
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EBUSY') break
          await new Promise((wake) => setTimeout(wake, 50))
        }
      }
}

/** A cgroup and all below it, parents first. */
async function below(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const all = existsSync(folder) ? [folder] : []
  for (const entry of entries) if (entry.isDirectory()) all.push(...(await below(join(folder, entry.name))))
  return all
}
