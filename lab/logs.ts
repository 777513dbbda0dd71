import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { state } from './layout.ts'
import { LabError, say } from './progress.ts'
import { attempt } from './run.ts'
import { readStatus } from './status.ts'

/** Prints the end of the log of a daemon or of all containers of a pod; without a name, lists the logs. */
export async function printLog(name: string | undefined, lines: number): Promise<void> {
  const files = existsSync(state.logs) ? await readdir(state.logs) : []
  const pods = existsSync(state.podLogs) ? await readdir(state.podLogs) : []
  if (!name) {
    const known = [
      ...files.map((file) => file.replace(/\.log$/, '')),
      'audit',
      ...pods.map((pod) => pod.split('_').slice(0, 2).join('/')),
    ]
    process.stdout.write(`${known.join('\n')}\n`)
    return
  }
  if (name === 'audit') return printTail(state.auditLog, lines)
  if (files.includes(`${name}.log`)) return printTail(join(state.logs, `${name}.log`), lines)
  const pod = name.split('/').at(-1)
  const directories = pods.filter((directory) => directory.split('_')[1] === pod)
  if (directories.length === 0)
    throw new LabError(`log of ${name} not found; npm run lab -- logs lists the available logs`)
  for (const directory of directories)
    for (const file of await logFiles(join(state.podLogs, directory))) {
      process.stdout.write(`==> ${file.slice(state.podLogs.length + 1)}\n`)
      await printTail(file, lines)
    }
}

async function printTail(file: string, lines: number): Promise<void> {
  process.stdout.write((await attempt('tail', ['-n', String(lines), file])).stdout)
}

async function logFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/**
 * Writes everything useful after a failed test to a directory. Never throws: failures are listed in
 * not-read.txt.
 */
export async function collect(directory: string): Promise<void> {
  const missing: string[] = []
  const part = async (what: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      missing.push(`${what}: ${(error as Error).message}`)
    }
  }
  try {
    await mkdir(directory, { recursive: true })
  } catch (error) {
    say(`logs: cannot write ${directory}: ${(error as Error).message}`)
    return
  }
  const toFile = (file: string, program: string, ...args: string[]) =>
    part(file, async () => {
      const { code, stdout, stderr } = await attempt('timeout', ['20', program, ...args])
      await writeFile(join(directory, file), stdout + stderr)
      if (code !== 0) throw new Error(`exit code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`)
    })
  const kubectl = (file: string, ...args: string[]) =>
    toFile(file, join(state.bin, 'kubectl'), '--kubeconfig', state.kubeconfig, '--request-timeout=15s', ...args)

  await part('daemon logs', () => cp(state.logs, join(directory, 'daemons'), { recursive: true }))
  await part('audit.log', () => cp(state.auditLog, join(directory, 'audit.log')))
  // from the files, which are readable without an API server
  await part('pod logs', () => cp(state.podLogs, join(directory, 'pods'), { recursive: true, dereference: true }))
  const status = await readStatus().catch(() => undefined)
  await part('status', () => writeFile(join(directory, 'status.json'), JSON.stringify(status, null, 2)))
  if (status?.up) {
    const kinds =
      'cassandradatacenters,cassandratasks,gateways.networking.istio.io,virtualservices,destinationrules,serviceentries,peerauthentications'
    await Promise.all([
      kubectl('events.txt', 'get', 'events', '-A', '--sort-by=.lastTimestamp'),
      kubectl('objects.txt', 'get', 'all,pv,pvc,endpointslices', '-A', '-o', 'wide'),
      kubectl('routes.yaml', 'get', kinds, '-A', '-o', 'yaml'),
      kubectl('describe-pods.txt', 'describe', 'pods', '-A'),
      kubectl('describe-nodes.txt', 'describe', 'nodes'),
    ])
    const proxies = status.pods.filter((pod) => pod.name.includes('ingressgateway') || pod.name.includes('-sts-'))
    for (const { namespace, name } of proxies)
      for (const what of ['listeners', 'clusters', 'endpoints'])
        await toFile(
          `envoy-${name}-${what}.json`,
          join(state.bin, 'istioctl'),
          '--kubeconfig',
          state.kubeconfig,
          'proxy-config',
          what,
          `${name}.${namespace}`,
          '-o',
          'json',
        )
  } else missing.push(`objects of the API server: ${status?.reason ?? 'the lab is not reachable'}`)
  if (missing.length > 0) await writeFile(join(directory, 'not-read.txt'), `${missing.join('\n')}\n`).catch(() => {})
  say(`logs written to ${directory}${missing.length > 0 ? ` (failures: ${join(directory, 'not-read.txt')})` : ''}`)
}
