import { existsSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Component } from './components.ts'
import { cacheDir, stateDir } from './layout.ts'
import { requireFreeAddresses } from './network.ts'
import { LabError } from './progress.ts'
import { attempt } from './run.ts'

const gigabyte = 1024 ** 3

/** Root on Linux: needed for everything but `status`, `env` and component tests. */
export function requireRootOnLinux(): void {
  if (process.platform !== 'linux')
    throw new LabError(
      `The lab needs Linux (network namespaces, cgroups, overlay mounts); this is ${process.platform}.`,
    )
  if (process.getuid?.() !== 0) throw new LabError('The lab needs root: run it with sudo.')
}

/** Enough room to build? */
export async function requireDiskForBuild(): Promise<void> {
  await requireDisk(cacheDir, existsSync(`${cacheDir}/layers`) ? 2 : 10)
}

/** Everything that would make `up` fail halfway, one clear sentence each, before anything is touched. */
export async function requireRoomForLab(components: readonly Component[]): Promise<void> {
  await requireDisk(stateDir, existsSync(`${stateDir}/containerd/root`) ? 2 : 6)
  await requireMemory(
    2 + (components.includes('datacenter') ? 3 : 0) + (components.includes('second-datacenter') ? 1 : 0),
  )
  await requireFreeAddresses()
  await requireOverlay()
}

/** Throws a LabError when the file system of that path, which need not exist, has less room than that. */
export async function requireDisk(path: string, gigabytes: number): Promise<void> {
  let existing = path
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = await statfs(existing)
  const free = (bavail * bsize) / gigabyte
  if (free < gigabytes)
    throw new LabError(`Too little disk: ${path} needs ${gigabytes} GB free, there are ${free.toFixed(1)} GB.`)
}

/** Throws a LabError when less memory is available than that. */
export async function requireMemory(gigabytes: number, meminfo = '/proc/meminfo'): Promise<void> {
  const kilobytes = Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile(meminfo, 'utf8'))?.[1])
  const free = (kilobytes * 1024) / gigabyte
  if (free < gigabytes)
    throw new LabError(`Too little memory: the lab needs ${gigabytes} GB free, there are ${free.toFixed(1)} GB.`)
}

async function requireOverlay(): Promise<void> {
  const has = async () => (await readFile('/proc/filesystems', 'utf8')).includes('\toverlay\n')
  if (await has()) return
  await attempt('modprobe', ['overlay']).catch(() => {})
  if (!(await has())) throw new LabError('This kernel has no overlay file system, which containers need.')
}
