import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cgroupName } from './layout.ts'

const root = '/sys/fs/cgroup'

/** Whether this machine uses cgroup v2. */
const isUnified = (): boolean => existsSync(join(root, 'cgroup.controllers'))

/** The lab's cgroup in every hierarchy: one directory with cgroup v2, one per controller with v1. */
async function directories(): Promise<string[]> {
  if (isUnified()) return [join(root, cgroupName)]
  const hierarchies = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  return hierarchies.map((entry) => join(root, entry.name, cgroupName))
}

/** Creates the cgroups that contain the kubelet's pods. */
export async function createCgroups(): Promise<void> {
  if (isUnified()) {
    // fails for a controller that is unsupported or enabled already; the kubelet reports missing ones
    for (const controller of ['cpuset', 'cpu', 'io', 'memory', 'pids', 'hugetlb'])
      await writeFile(join(root, 'cgroup.subtree_control'), `+${controller}`).catch(() => {})
  }
  for (const directory of await directories()) {
    await mkdir(directory, { recursive: true })
    // a new cpuset is empty and would reject every process
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (!directory.includes('/cpuset/')) continue
      await writeFile(join(directory, file), await readFile(join(directory, '..', file)))
    }
  }
}

/** All processes in the lab's cgroups: those of containers, whatever their current parent. */
export async function cgroupProcesses(): Promise<number[]> {
  const pids = new Set<number>()
  for (const directory of await directories())
    for (const group of await below(directory))
      for (const pid of (await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n'))
        if (pid) pids.add(Number(pid))
  return [...pids]
}

/** Removes the lab's cgroups, deepest first. */
export async function removeCgroups(): Promise<void> {
  for (const directory of await directories())
    for (const group of (await below(directory)).reverse())
      for (let attempts = 20; attempts > 0; attempts--) {
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
async function below(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  const all = existsSync(directory) ? [directory] : []
  for (const entry of entries) if (entry.isDirectory()) all.push(...(await below(join(directory, entry.name))))
  return all
}
