import { existsSync } from 'node:fs'
import { readdir, readFile, readlink, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { cgroupProcesses, removeCgroups } from './cgroups.ts'
import { restoreHostSettings } from './host-settings.ts'
import { network, state, stateDir } from './layout.ts'
import { removeNetwork } from './network.ts'
import { alive, allProcesses, kill, readRecords } from './processes.ts'
import { attempt } from './run.ts'

/** Kept by `clear`: the image store, so that the next `up` is fast. */
const kept = ['root']

/**
 * Removes the lab, whatever its state: processes, mounts, network, cgroups, files. Everything is found by the
 * lab's names (namespace, cgroup, directory), never by a broad pattern.
 */
export async function clear(): Promise<void> {
  // Repeated: processes that were starting during the first listing are in the second.
  for (let round = 0; round < 5; round++) {
    const pids = await labProcesses()
    if (pids.length === 0) break
    await kill(pids)
  }
  await unmountAll()
  await removeNetwork()
  await removeCgroups()
  await restoreHostSettings()
  await removeTraces()
  await removeState()
}

/** PIDs of all processes of the lab: daemons, shims, containers. */
export async function labProcesses(): Promise<number[]> {
  const pids = new Set<number>(await cgroupProcesses())
  for (const record of await readRecords()) if (alive(record)) pids.add(record.pid)
  const namespace = await namespaceId()
  for await (const { pid, command, networkNamespace } of allProcesses()) {
    if (networkNamespace === namespace) pids.add(pid)
    if (command.includes('containerd-shim') && command.includes(`-address ${state.containerdSocket}`)) pids.add(pid)
  }
  pids.delete(process.pid)
  return [...pids]
}

/** `net:[inode]` of the lab's network namespace, as /proc shows it. */
async function namespaceId(): Promise<string | undefined> {
  if (!existsSync(network.namespacePath)) return undefined
  const { ino, dev } = await stat(network.namespacePath)
  // an ordinary file, if `ip netns add` was killed before it mounted the namespace
  const own = await stat('/proc/self/ns/net')
  return dev === own.dev ? `net:[${ino}]` : undefined
}

/** Mount points below the lab's state directory, deepest last. */
export async function labMounts(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  const points = lines.map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
  return points.filter((point) => point.startsWith(`${stateDir}/`)).sort()
}

async function unmountAll(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const points = await labMounts()
    if (points.length === 0) return
    await attempt('umount', ['-l', ...points.reverse()])
  }
}

/** Files that containerd, CNI and kubelet write to fixed paths outside the state directory. */
async function removeTraces(): Promise<void> {
  const shims = join(state.containerd, 'state/io.containerd.runtime.v2.task/k8s.io')
  for (const id of await list(shims)) {
    const address = await readFile(join(shims, id, 'address'), 'utf8').catch(() => '')
    if (address.startsWith('unix:///run/containerd/s/')) await rm(address.slice('unix://'.length), { force: true })
  }
  for (const name of await list('/var/log/containers')) {
    const link = join('/var/log/containers', name)
    if ((await readlink(link).catch(() => '')).startsWith(stateDir)) await rm(link, { force: true })
  }
  for (const name of await list('/var/lib/cni/results'))
    if (name.startsWith('cass-sni-lab-')) await rm(join('/var/lib/cni/results', name), { force: true })
  await rm('/var/lib/kubelet/device-plugins/kubelet.sock', { force: true })
  await rm('/var/lib/kubelet/device-plugins/DEPRECATION', { force: true })
  const directories = [
    '/var/lib/kubelet/device-plugins',
    '/var/lib/kubelet',
    '/var/log/containers',
    '/var/lib/cni/results',
  ]
  // rmdir fails for directories with other content, which are kept
  for (const directory of [...directories, '/run/containerd/s', '/run/containerd'])
    await rmdir(directory).catch(() => {})
}

async function removeState(): Promise<void> {
  for (const name of await list(stateDir))
    if (join(stateDir, name) !== state.containerd) await rm(join(stateDir, name), { recursive: true, force: true })
  for (const name of await list(state.containerd))
    if (!kept.includes(name)) await rm(join(state.containerd, name), { recursive: true, force: true })
  const store = join(state.containerd, 'root')
  for (const name of ['io.containerd.grpc.v1.cri', 'io.containerd.runtime.v2.task'])
    await rm(join(store, name), { recursive: true, force: true })
}

const list = (directory: string): Promise<string[]> => readdir(directory).catch(() => [])
