import { existsSync } from 'node:fs'
import { readdir, readFile, rmdir } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { dirname } from 'node:path'
import { LabError } from './progress.ts'
import { attempt, run } from './run.ts'
import { network } from './layout.ts'

/** Runs a program inside the lab's network namespace. */
export function inNamespace(program: string, ...args: string[]): Promise<string> {
  return run('nsenter', [`--net=${network.namespacePath}`, program, ...args])
}

/** Creates the namespace, a veth pair, and a route to the load balancer addresses. */
export async function createNetwork(): Promise<void> {
  const { namespace, hostLink, nodeLink, hostAddress, nodeAddress } = network
  await run('ip', ['netns', 'add', namespace])
  await run('ip', ['link', 'add', hostLink, 'type', 'veth', 'peer', 'name', nodeLink, 'netns', namespace])
  await run('ip', ['addr', 'add', `${hostAddress}/24`, 'dev', hostLink])
  await run('ip', ['link', 'set', hostLink, 'up'])
  await inNamespace('ip', 'link', 'set', 'lo', 'up')
  await inNamespace('ip', 'addr', 'add', `${nodeAddress}/24`, 'dev', nodeLink)
  await inNamespace('ip', 'link', 'set', nodeLink, 'up')
  // For Services from processes of the node: kube-proxy rewrites the address before routing.
  for (const range of [network.services, network.loadBalancerRange])
    await inNamespace('ip', 'route', 'add', range, 'dev', 'lo')
  await inNamespace('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  await attempt('nsenter', [`--net=${network.namespacePath}`, 'sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1'])
  await run('ip', ['route', 'add', network.loadBalancerRange, 'via', nodeAddress])
}

/** Removes the namespace (and with it its interfaces, routes and iptables rules) and the host's end. */
export async function removeNetwork(): Promise<void> {
  if (existsSync(network.namespacePath)) await attempt('ip', ['netns', 'del', network.namespace])
  if (existsSync(`/sys/class/net/${network.hostLink}`)) await attempt('ip', ['link', 'del', network.hostLink])
  // `ip netns add` mounts this directory on itself
  const directory = dirname(network.namespacePath)
  if (existsSync(directory) && (await readdir(directory)).length === 0) {
    await attempt('umount', [directory])
    await rmdir(directory).catch(() => {})
  }
}

/** Throws if the lab's addresses are already in use on this machine. */
export async function requireFreeAddresses(): Promise<void> {
  const used = Object.entries(networkInterfaces()).flatMap(([device, addresses]) =>
    (addresses ?? []).filter((each) => each.family === 'IPv4').map((each) => ({ device, range: each.address })),
  )
  used.push(...parseRoutes(await readFile('/proc/net/route', 'utf8')))
  for (const range of [network.linkRange, network.loadBalancerRange]) {
    const taken = used.find((each) => each.device !== network.hostLink && overlaps(each.range, range))
    if (taken)
      throw new LabError(
        `Address in use: the lab needs ${range}, but ${taken.device} of this machine has ${taken.range}.`,
      )
  }
}

/** The ranges of /proc/net/route (little-endian hexadecimal numbers), without the default route. */
export function parseRoutes(text: string): Array<{ device: string; range: string }> {
  const number = (hex: string) => Buffer.from(hex, 'hex').reverse()
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
    .map(([device = '', destination = '', , , , , , mask = '']) => {
      const bits = [...number(mask)]
        .map((byte) => byte.toString(2))
        .join('')
        .replaceAll('0', '').length
      return { device, range: `${[...number(destination)].join('.')}/${bits}` }
    })
    .filter((route) => !route.range.endsWith('/0'))
}

/** Whether two IPv4 ranges overlap. */
export function overlaps(first: string, second: string): boolean {
  const parse = (range: string) => {
    const [address = '', bits = '32'] = range.split('/')
    const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
    return { value, size: 2 ** (32 - Number(bits)) }
  }
  const a = parse(first)
  const b = parse(second)
  return a.value < b.value + b.size && b.value < a.value + a.size
}
