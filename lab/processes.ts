import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { network, state } from './layout.ts'

/** A started process; its PID alone may have been reused. */
export interface ProcessRecord {
  name: string
  pid: number
  /** start time in clock ticks since boot, and the boot ID: unique together with the PID */
  startTime: string
  boot: string
}

const bootId = () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()

/** Start time of a process (field 22 of /proc/<pid>/stat), or undefined if it has ended or is a zombie. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** Whether exactly this process is alive. */
export function alive(record: ProcessRecord): boolean {
  return record.boot === bootId() && startTimeOf(record.pid) === record.startTime
}

/** All processes that `startDaemon` started and that were not removed. */
export async function readRecords(): Promise<ProcessRecord[]> {
  if (!existsSync(state.pids)) return []
  const records: ProcessRecord[] = []
  for (const file of (await readdir(state.pids)).sort()) {
    try {
      records.push(JSON.parse(await readFile(join(state.pids, file), 'utf8')))
    } catch {
      // incomplete, if its writer was killed: the process is found by its network namespace
    }
  }
  return records
}

/**
 * Starts a program in the background with its log in `logs/<name>.log`, by default inside
 * the lab's network namespace (by nsenter: `ip netns exec` would remount /sys and hide the cgroups).
 */
export async function startDaemon(
  name: string,
  program: string,
  args: readonly string[],
  { namespace = true }: { namespace?: boolean } = {},
): Promise<ProcessRecord> {
  await mkdir(state.pids, { recursive: true })
  await mkdir(state.logs, { recursive: true })
  const log = openSync(join(state.logs, `${name}.log`), 'a')
  const command = namespace ? ['nsenter', `--net=${network.namespacePath}`, program, ...args] : [program, ...args]
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
  const child = spawn(command[0] as string, command.slice(1), {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env,
  })
  closeSync(log)
  child.unref()
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid as number))
    child.once('error', reject)
  })
  const record: ProcessRecord = { name, pid, startTime: startTimeOf(pid) ?? '', boot: bootId() }
  await writeFile(join(state.pids, `${name}.json`), JSON.stringify(record))
  return record
}

/** Kills processes and waits until they have ended, and for a limited time until they are reaped. */
export async function kill(pids: readonly number[]): Promise<void> {
  const waiting = new Map(pids.map((pid) => [pid, startTimeOf(pid)]))
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // already ended
    }
  }
  const deadline = Date.now() + 10_000
  while (Date.now() < deadline && [...waiting].some(([pid, time]) => time && startTimeOf(pid) === time))
    await new Promise((wake) => setTimeout(wake, 20))
  const patience = Date.now() + 3000
  while (Date.now() < patience && pids.some((pid) => existsSync(`/proc/${pid}`)))
    await new Promise((wake) => setTimeout(wake, 50))
}

/** Stops a daemon by name, if it is running. */
export async function stopDaemon(name: string): Promise<void> {
  const record = (await readRecords()).find((each) => each.name === name)
  if (record && alive(record)) await kill([record.pid])
  await rm(join(state.pids, `${name}.json`), { force: true })
}

/** Every process of the machine, with its command and network namespace. */
export async function* allProcesses(): AsyncGenerator<{ pid: number; command: string; networkNamespace: string }> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const command = (await readFile(`/proc/${entry}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
      yield { pid: Number(entry), command, networkNamespace: await readlink(`/proc/${entry}/ns/net`) }
    } catch {
      // ended, or a kernel thread
    }
  }
}
