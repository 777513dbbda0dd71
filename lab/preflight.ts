import { existsSync } from 'node:fs'
import { readFile, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Component } from './components.ts'
import { cacheDir, stateDir } from './layout.ts'
import { requireFreeAddresses } from './network.ts'
import { LabError } from './progress.ts'
import { attempt } from './run.ts'

const gigabyte = 1024 ** 3

/** Throws unless run as root on Linux, which only `status`, `env` and component tests do not need. */
export function requireRootOnLinux(): void {
  if (process.platform !== 'linux')
    throw new LabError(
      `The lab needs Linux (network namespaces, cgroups, overlay mounts); this is ${process.platform}.`,
    )
  if (process.getuid?.() !== 0) throw new LabError('permission denied: the lab requires root; use sudo')
}

/** Throws if there is not enough disk space to build. */
export async function requireDiskForBuild(): Promise<void> {
  await requireDisk(cacheDir, existsSync(`${cacheDir}/layers`) ? 2 : 10)
}

/** Checks everything that would make `up` fail halfway, before any change. */
export async function requireRoomForLab(components: readonly Component[]): Promise<void> {
  await requireDisk(stateDir, existsSync(`${stateDir}/containerd/root`) ? 2 : 6)
  await requireMemory(
    2 + (components.includes('datacenter') ? 3 : 0) + (components.includes('second-datacenter') ? 1 : 0),
  )
  await requireFreeAddresses()
  await requireOverlay()
}

/** Throws a LabError if the file system of a path, which need not exist, has less free space. */
export async function requireDisk(path: string, gigabytes: number): Promise<void> {
  let existing = path
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = await statfs(existing)
  const free = (bavail * bsize) / gigabyte
  if (free < gigabytes)
    throw new LabError(`not enough disk space: ${path} needs ${gigabytes} GB, ${free.toFixed(1)} GB available`)
}

/** Throws a LabError if less memory is available. */
export async function requireMemory(gigabytes: number, meminfo = '/proc/meminfo'): Promise<void> {
  const kilobytes = Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile(meminfo, 'utf8'))?.[1])
  const free = (kilobytes * 1024) / gigabyte
  if (free < gigabytes)
    throw new LabError(`not enough memory: the lab needs ${gigabytes} GB, ${free.toFixed(1)} GB available`)
}

async function requireOverlay(): Promise<void> {
  const has = async () => (await readFile('/proc/filesystems', 'utf8')).includes('\toverlay\n')
  if (await has()) return
  await attempt('modprobe', ['overlay']).catch(() => {})
  if (!(await has())) throw new LabError('overlay file system not supported by this kernel; containers require it')
}
