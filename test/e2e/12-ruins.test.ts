/** The lab over its own ruins: every process killed at once, everything else left behind. The last file: it takes the lab down. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CHECKOUT, kubectl as userKubectl, LAB_KUBECONFIG, must, type Outcome, run } from '../support/lab.ts'

const lab = (...args: string[]): Promise<Outcome> =>
  must(run(process.execPath, [join(CHECKOUT, 'lab/main.ts'), ...args], { timeoutMs: 200_000 }))

/** With the kubeconfig of the lab itself: a lab that was raised anew has another authority. */
const kubectl = (args: string[]): Promise<string> => userKubectl(args, { env: { KUBECONFIG: LAB_KUBECONFIG } })

interface Process {
  pid: number
  parent: number
  command: string
}

async function processes(): Promise<Process[]> {
  const found: Process[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const [command, status] = await Promise.all([
      readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => ''),
      readFile(`/proc/${entry}/stat`, 'utf8').catch(() => ''),
    ])
    const parent = Number(status.slice(status.lastIndexOf(')') + 2).split(' ')[1])
    if (command !== '') found.push({ pid: Number(entry), parent, command: command.replaceAll('\0', ' ') })
  }
  return found
}

/** The daemons of the lab, its containers' shims, and all that runs below them. */
async function labProcesses(): Promise<Process[]> {
  const all = await processes()
  const roots = all.filter(({ command }) =>
    /\/var\/(lib|cache)\/cass-sni-lab\/(config|containerd|bin\/(etcd|kube|coredns))|lab\/cloud\.ts/.test(command),
  )
  const below = new Set(roots.map(({ pid }) => pid))
  for (let before = -1; before !== below.size; ) {
    before = below.size
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid)
  }
  below.delete(process.pid)
  return all.filter(({ pid }) => below.has(pid))
}

/** A process that ends with the one that was killed before it is gone already. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function text(command: string, ...args: string[]): Promise<string> {
  return (await must(run(command, args))).stdout
}

describe('the lab over its ruins', () => {
  it('is raised anew after all of its processes were killed at once', async function () {
    this.timeout(180_000)
    const killed = await labProcesses()
    assert.ok(killed.length > 15, `only ${killed.length} processes of the lab were found`)
    for (const { pid } of killed) kill(pid)
    assert.match(await text('ip', 'netns', 'list'), /cass-sni-lab/, 'the kill left nothing to be cleared')
    await lab('up')
    assert.match(await kubectl(['get', 'nodes']), /node-1\s+Ready/)
    assert.doesNotMatch(await kubectl(['get', 'namespaces']), /cass-operator/)
  })

  it('up again changes nothing, and tells so within 3 s', async function () {
    this.timeout(30_000)
    const before = await kubectl(['get', 'all', '-A', '-o', 'jsonpath={.items[*].metadata.uid}'])
    const again = await lab('up')
    assert.ok(again.took < 3000, `it took ${again.took} ms`)
    assert.match(again.stderr, /already running/)
    assert.equal(await kubectl(['get', 'all', '-A', '-o', 'jsonpath={.items[*].metadata.uid}']), before)
  })

  it('down leaves no process, mount, namespace, interface, cgroup, route or iptables rule', async function () {
    this.timeout(60_000)
    await lab('down')
    assert.deepEqual(
      (await labProcesses()).map(({ command }) => command),
      [],
    )
    assert.doesNotMatch(await readFile('/proc/mounts', 'utf8'), /cass-sni-lab/)
    assert.doesNotMatch(await text('ip', 'netns', 'list'), /cass-sni-lab|cni-/)
    assert.doesNotMatch(await text('ip', 'link'), /cass-sni-lab/)
    assert.doesNotMatch(await text('ip', 'route'), /10\.200\./)
    assert.doesNotMatch(await text('iptables-save'), /KUBE|CNI/)
    for (const hierarchy of ['', ...(await readdir('/sys/fs/cgroup'))]) {
      const inside = await readdir(join('/sys/fs/cgroup', hierarchy)).catch(() => [])
      assert.ok(!inside.some((name) => /kubepods|cass-sni-lab/.test(name)), `a cgroup is left in ${hierarchy}`)
    }
  })
})
