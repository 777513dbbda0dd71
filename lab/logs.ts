import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { state } from './layout.ts'
import { LabError, say } from './progress.ts'
import { attempt } from './run.ts'
import { readStatus } from './status.ts'

/** Prints the end of one log: a daemon's, or a pod's (all containers); without a name, which there are. */
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
  const folders = pods.filter((folder) => folder.split('_')[1] === pod)
  if (folders.length === 0) throw new LabError(`No log of ${name}: see npm run lab -- logs for what there is.`)
  for (const folder of folders)
    for (const file of await logFiles(join(state.podLogs, folder))) {
      process.stdout.write(`==> ${file.slice(state.podLogs.length + 1)}\n`)
      await printTail(file, lines)
    }
}

async function printTail(file: string, lines: number): Promise<void> {
  process.stdout.write((await attempt('tail', ['-n', String(lines), file])).stdout)
}

async function logFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/**
 * Writes into a folder everything that one wants to read after a failed test. Never throws: what could
 * not be read is noted in not-read.txt.
 */
export async function collect(folder: string): Promise<void> {
  const missing: string[] = []
  const part = async (what: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      missing.push(`${what}: ${(error as Error).message}`)
    }
  }
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    say(`logs: ${folder} cannot be written: ${(error as Error).message}`)
    return
  }
  const toFile = (file: string, program: string, ...args: string[]) =>
    part(file, async () => {
      const { code, stdout, stderr } = await attempt('timeout', ['20', program, ...args])
      await writeFile(join(folder, file), stdout + stderr)
      if (code !== 0) throw new Error(`exit code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`)
    })
  const kubectl = (file: string, ...args: string[]) =>
    toFile(file, join(state.bin, 'kubectl'), '--kubeconfig', state.kubeconfig, '--request-timeout=15s', ...args)

  await part('daemon logs', () => cp(state.logs, join(folder, 'daemons'), { recursive: true }))
  await part('audit.log', () => cp(state.auditLog, join(folder, 'audit.log')))
  // from the files: these can be read when no API server runs any more
  await part('pod logs', () => cp(state.podLogs, join(folder, 'pods'), { recursive: true, dereference: true }))
  const status = await readStatus().catch(() => undefined)
  await part('status', () => writeFile(join(folder, 'status.json'), JSON.stringify(status, null, 2)))
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
  } else missing.push(`what the API server knows: ${status?.reason ?? 'the lab cannot be asked'}`)
  if (missing.length > 0) await writeFile(join(folder, 'not-read.txt'), `${missing.join('\n')}\n`).catch(() => {})
  say(
    `logs are in ${folder}${missing.length > 0 ? `; what could not be read is in ${join(folder, 'not-read.txt')}` : ''}`,
  )
}
