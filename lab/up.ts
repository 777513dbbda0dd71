import { existsSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Built, build } from './build/build.ts'
import { manifest } from './build/fixtures.ts'
import { ensureHostPackages } from './build/packages.ts'
import { createCgroups } from './cgroups.ts'
import { clear, labMounts, labProcesses } from './clear.ts'
import { type Component, raise, withNeeds } from './components.ts'
import {
  apiServerArguments,
  apiServerNames,
  type ControlPlane,
  controllerManagerArguments,
  etcdArguments,
  nodeApiServerArguments,
  schedulerArguments,
} from './control-plane.ts'
import { linkCommands } from './env.ts'
import { daemons, health, writeRecord } from './health.ts'
import { saveHostSettings } from './host-settings.ts'
import { type KubeClient, openKube, ready } from './kube.ts'
import { labSources, network, nodeName, state, stateDir } from './layout.ts'
import { createNetwork } from './network.ts'
import { startKubelet, startProxy, startRuntime } from './node.ts'
import { type Authority, identities, openAuthority } from './pki.ts'
import { requireDiskForBuild, requireRoomForLab } from './preflight.ts'
import { alive, readRecords, startDaemon } from './processes.ts'
import { LabError, say, step, until } from './progress.ts'
import { run } from './run.ts'
import { createVolumes } from './volumes.ts'
import { writeWebhookIdentity } from './webhook.ts'

/**
 * Starts the lab with these components and those that they need. Running components are kept; remains of a killed lab
 * are removed first.
 */
export async function up(targets: readonly Component[]): Promise<void> {
  const wanted = withNeeds(targets)
  const before = await health()
  if (before.up) say(`the lab is already running (since ${before.record?.since}, from ${before.record?.checkout})`)
  else {
    await requireRoomForLab(wanted)
    await requireDiskForBuild()
    await ensureHostPackages('up')
    const built = await build()
    const left = existsSync(state.pids) || (await labProcesses()).length > 0 || (await labMounts()).length > 0
    if (left) say(`removing the remains of a lab (${before.reason})`)
    await step('clear', clear)
    await step('Kubernetes node', () => startNode(built))
  }
  for (const component of wanted) await raise(component)
  say(`the lab is running${targets.length > 0 ? ` with ${targets.join(', ')}` : ''}: eval "$(npm run -s lab -- env)"`)
}

const kubeconfigs = join(state.config, 'kubeconfigs')

async function startNode(built: Built): Promise<void> {
  for (const directory of [stateDir, state.config, kubeconfigs, state.pids, state.logs, state.volumes, state.podLogs])
    await mkdir(directory, { recursive: true })
  await saveHostSettings()
  await createNetwork()
  await createCgroups()
  const authority = await writeIdentities()
  await cp(built.fixtures, state.fixtures, { recursive: true })
  await writeWebhookIdentity(authority, join(state.fixtures, 'operator'))
  await linkCommands(built.programs)
  const program = (name: string) => built.programs[name] as string
  await Promise.all([startControlPlane(program), startRuntime(built.images)])
  const kube = await openKube(state.kubeconfig)
  try {
    await startKubelet(program('kubelet'), join(kubeconfigs, 'kubelet'))
    await startProxy(program('kube-proxy'), join(kubeconfigs, 'proxy'))
    await fill(kube, program('kubectl'))
    await writeRecord()
  } finally {
    kube.close()
  }
}

async function writeIdentities(): Promise<Authority> {
  const authority = await openAuthority(state.pki)
  const server = `https://${network.nodeAddress}:6443`
  const kubeconfig = async (name: string, identity: { user: string; groups?: readonly string[] }, path?: string) =>
    writeFile(path ?? join(kubeconfigs, name), await authority.kubeconfig(name, identity, server), { mode: 0o600 })
  await authority.issue('kubelet', identities.kubelet(nodeName), [nodeName, network.nodeAddress])
  await Promise.all([
    authority.issue('apiserver', { user: 'kube-apiserver' }, [...apiServerNames, network.nodeAddress]),
    authority.issue('kubelet-client', identities.kubeletClient),
    authority.issue('front-proxy', identities.frontProxy),
    kubeconfig('admin', identities.admin, state.kubeconfig),
    kubeconfig('cloud', identities.cloud),
    kubeconfig('controller-manager', identities.controllerManager),
    kubeconfig('scheduler', identities.scheduler),
    kubeconfig('proxy', identities.proxy),
    kubeconfig('kubelet', identities.kubelet(nodeName)),
  ])
  return authority
}

async function startControlPlane(program: (name: string) => string): Promise<void> {
  const plane: ControlPlane = {
    pki: state.pki,
    etcdData: state.etcd,
    etcdPort: 2379,
    etcdPeerPort: 2380,
    address: network.nodeAddress,
    port: 6443,
    auditLog: state.auditLog,
  }
  await startDaemon('etcd', program('etcd'), etcdArguments(plane))
  const flags = [...apiServerArguments(plane), ...nodeApiServerArguments(plane)]
  await startDaemon('kube-apiserver', program('kube-apiserver'), flags)
  const kube = await openKube(state.kubeconfig)
  try {
    await until('kube-apiserver is ready', async () => (await allAlive('etcd', 'kube-apiserver')) && ready(kube))
  } finally {
    kube.close()
  }
  say('  kube-apiserver is ready')
  const kubeconfig = (name: string) => join(kubeconfigs, name)
  const manager = controllerManagerArguments(state.pki, kubeconfig('controller-manager'))
  await startDaemon('kube-controller-manager', program('kube-controller-manager'), manager)
  await startDaemon('kube-scheduler', program('kube-scheduler'), schedulerArguments(kubeconfig('scheduler')))
  await startDaemon('cloud', process.execPath, [join(labSources, 'cloud.ts'), kubeconfig('cloud')], {
    namespace: false,
  })
}

/** Returns true, or throws with the name of a daemon that has ended. */
async function allAlive(...names: string[]): Promise<true> {
  const dead = (await readRecords()).find((record) => names.includes(record.name) && !alive(record))
  if (dead) throw new LabError(`${dead.name} has ended; see ${join(state.logs, `${dead.name}.log`)}`)
  return true
}

/** Installs the basics of a new cluster: DNS and volumes. */
async function fill(kube: KubeClient, kubectl: string): Promise<void> {
  const apply = ['--kubeconfig', state.kubeconfig, 'apply', '--server-side', '--field-manager=cass-sni-lab', '-f', '-']
  await run(kubectl, apply, { input: await manifest('coredns.yaml') })
  await run(kubectl, apply, { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: await createVolumes() }) })
  say('  waiting for CoreDNS')
  await until('CoreDNS is ready', async () => {
    await allAlive(...daemons)
    const { status } = await kube.get('/apis/apps/v1/namespaces/kube-system/deployments/coredns')
    return status?.readyReplicas === 1
  })
}
