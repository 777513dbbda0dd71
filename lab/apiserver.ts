import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { installed } from './build/packages.ts'
import { ensurePrograms, requireGoFor } from './build/programs.ts'
import { apiServerArguments, apiServerNames, type ControlPlane, etcdArguments } from './control-plane.ts'
import { openKube, ready } from './kube.ts'
import { type Authority, type Identity, identities, openAuthority } from './pki.ts'
import { LabError } from './progress.ts'

/** A real kube-apiserver with etcd, without controllers and nodes. */
export interface ApiServer {
  /** path of the kubeconfig of user `admin`, group system:masters */
  kubeconfig: string
  /** path of the audit log: one JSON event per line, written before the request is answered */
  auditLog: string
  url: string
  /** path of a kubeconfig for another user (client certificate), for tests of RBAC */
  kubeconfigFor(identity: Identity): Promise<string>
  /** kills the API server, calls `whileAway`, and starts it again with the same data; resolves when it is ready */
  restart(whileAway?: () => Promise<void>): Promise<void>
  /** ends both processes and removes etcd's data */
  stop(): Promise<void>
}

export interface ApiServerOptions {
  /** a directory for keys, data and logs */
  dir: string
  admin?: Identity
}

/** Returns the paths of etcd and kube-apiserver, built if necessary (which takes minutes). */
export async function ensureBinaries(): Promise<{ etcd: string; 'kube-apiserver': string }> {
  const names = ['etcd', 'kube-apiserver']
  await requireGoFor(names)
  const { etcd, 'kube-apiserver': apiserver } = await ensurePrograms(names)
  return { etcd: etcd as string, 'kube-apiserver': apiserver as string }
}

/** Starts an API server on free ports of the loopback interface; needs no root. */
export async function startApiServer({ dir, admin = identities.admin }: ApiServerOptions): Promise<ApiServer> {
  const programs = await ensureBinaries()
  mkdirSync(dir, { recursive: true })
  const authority = await openAuthority(join(dir, 'pki'))
  await authority.issue('apiserver', { user: 'kube-apiserver' }, apiServerNames)
  for (let attempts = 3; ; attempts--) {
    try {
      return await start(programs, dir, authority, admin)
    } catch (error) {
      // another process may have taken one of the free ports
      if (attempts === 1) throw error
    }
  }
}

async function start(
  programs: { etcd: string; 'kube-apiserver': string },
  dir: string,
  authority: Authority,
  admin: Identity,
): Promise<ApiServer> {
  const [port, etcdPort, etcdPeerPort] = await freePorts(3)
  const auditLog = join(dir, 'audit.log')
  const plane: ControlPlane = {
    pki: authority.directory,
    etcdData: join(dir, 'etcd'),
    etcdPort: etcdPort as number,
    etcdPeerPort: etcdPeerPort as number,
    address: '127.0.0.1',
    port: port as number,
    auditLog,
  }
  const url = `https://127.0.0.1:${port}`
  const write = async (name: string, identity: Identity) => {
    const path = join(dir, `${name}.kubeconfig`)
    await writeFile(path, await authority.kubeconfig(name, identity, url), { mode: 0o600 })
    return path
  }
  const kubeconfig = await write('admin', admin)
  const logs = { etcd: join(dir, 'etcd.log'), apiserver: join(dir, 'apiserver.log') }
  const etcd = startChild(programs.etcd, etcdArguments(plane), logs.etcd)
  const serve = () => startChild(programs['kube-apiserver'], [...apiServerArguments(plane), ...alone], logs.apiserver)
  let apiserver = serve()
  const stop = async () => {
    // the API server first: it stops slowly without etcd
    await end(apiserver)
    await end(etcd)
    await rm(plane.etcdData, { recursive: true, force: true })
  }
  const untilReady = async () => {
    const kube = await openKube(kubeconfig)
    try {
      const deadline = Date.now() + 60_000
      while (!(await ready(kube))) {
        const dead = [etcd, apiserver].find((child) => child.exitCode !== null || child.signalCode !== null)
        if (dead) throw new LabError(`${dead.spawnfile} ended:\n${tail(dead === etcd ? logs.etcd : logs.apiserver)}`)
        if (Date.now() > deadline) throw new LabError(`kube-apiserver is not ready:\n${tail(logs.apiserver)}`)
        await new Promise((wake) => setTimeout(wake, 50))
      }
    } catch (error) {
      await stop()
      throw error
    } finally {
      kube.close()
    }
  }
  const restart = async (whileAway: () => Promise<void> = async () => {}) => {
    await end(apiserver)
    await whileAway()
    apiserver = serve()
    await untilReady()
  }
  await untilReady()
  const others = new Map<string, Promise<string>>()
  const kubeconfigFor = (identity: Identity) => {
    const key = JSON.stringify([identity.user, identity.groups ?? []])
    const path = others.get(key) ?? write(`user-${others.size + 1}`, identity)
    others.set(key, path)
    return path
  }
  return { kubeconfig, auditLog, url, kubeconfigFor, restart, stop }
}

/** Differences from the lab: no controller creates service accounts, and loopback is not a valid endpoint. */
const alone = [
  '--bind-address=127.0.0.1',
  '--endpoint-reconciler-type=none',
  '--disable-admission-plugins=ServiceAccount',
]

function startChild(program: string, args: readonly string[], log: string): ChildProcess {
  const output = openSync(log, 'w')
  // ends with its parent, even if the parent is killed
  const command = installed('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', program, ...args] : [program, ...args]
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', output, output] })
  closeSync(output)
  child.on('error', () => {})
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports.push((server.address() as { port: number }).port)
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function tail(log: string): string {
  try {
    return readFileSync(log, 'utf8').split('\n').slice(-12).join('\n')
  } catch {
    return '(no log)'
  }
}
