import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { controllerImage, pauseImage } from './build/images.ts'
import { type Image, withImageLayout } from './build/oci.ts'
import { cgroupName, network, nodeName, state } from './layout.ts'
import { startDaemon, stopDaemon } from './processes.ts'
import { say, step, until } from './progress.ts'
import { attempt, run } from './run.ts'

const store = join(state.containerd, 'root')
const importedFile = join(store, 'lab-images.json')
/** exists while the image store may contain records of containers */
const dirtyFile = join(store, 'lab-dirty')

function ctr(...args: string[]): string[] {
  return ['--address', state.containerdSocket, '--namespace', 'k8s.io', ...args]
}

function containerdConfig(containers: boolean): string {
  return `version = 2
root = "${store}"
state = "${join(state.containerd, 'state')}"
disabled_plugins = [${containers ? '' : '"io.containerd.grpc.v1.cri", '}"io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${state.containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # without CAP_SYS_RESOURCE runc cannot lower oom_score_adj and dies
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${state.cni}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "${join(state.containerd, 'runc')}"
`
}

async function startContainerd(containers: boolean): Promise<void> {
  const config = join(state.config, 'containerd.toml')
  await writeFile(config, containerdConfig(containers))
  await startDaemon('containerd', 'containerd', ['--config', config])
  await until('containerd is ready', async () => (await attempt('ctr', ctr('version'))).code === 0, { every: 100 })
}

/**
 * Starts containerd with the images of the lab. `down` keeps images, and with them records of containers
 * of an earlier lab, which are removed first.
 */
export async function startRuntime(images: readonly Image[]): Promise<void> {
  await mkdir(store, { recursive: true })
  await mkdir(state.cni, { recursive: true })
  await writeFile(join(state.cni, '10-lab.conflist'), JSON.stringify(cniNetwork))
  if (await exists(dirtyFile)) {
    await startContainerd(false)
    const old = (await run('ctr', ctr('containers', 'list', '-q'))).split('\n').filter(Boolean)
    if (old.length > 0) await run('ctr', ctr('containers', 'delete', ...old))
    await stopDaemon('containerd')
    await rm(dirtyFile)
  }
  await startContainerd(true)
  await importImages(images)
  await writeFile(dirtyFile, '')
  say('  containerd is ready')
}

async function importImages(images: readonly Image[]): Promise<void> {
  const keyed = Object.fromEntries(images.map((image) => [image.reference, JSON.stringify(image)]))
  const known = await readFile(importedFile, 'utf8').then(JSON.parse, () => ({}))
  const missing = images.filter((image) => known[image.reference] !== keyed[image.reference])
  if (missing.length === 0) return
  await importInto(missing)
  await writeFile(importedFile, JSON.stringify(keyed))
}

/** Builds the image of the routes controller and imports it into the running lab. Returns its reference. */
export async function provideControllerImage(): Promise<string> {
  return provideImage(await controllerImage())
}

/** Imports an image into the running lab, unless it is there. Returns its reference. */
export async function provideImage(image: Image): Promise<string> {
  const known = (await run('ctr', ctr('images', 'list', '-q'))).split('\n')
  if (!known.includes(image.reference)) await importInto([image])
  return image.reference
}

async function importInto(images: readonly Image[]): Promise<void> {
  await step(`import ${images.length} images`, () =>
    withImageLayout(images, async (directory) => {
      const archive = `${directory}.tar`
      try {
        await run('tar', ['-C', directory, '-cf', archive, '.'])
        await run('ctr', ctr('images', 'import', archive))
      } finally {
        await rm(archive, { force: true })
      }
    }),
  )
}

const cniNetwork = {
  cniVersion: '1.0.0',
  name: 'cass-sni-lab',
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      hairpinMode: true,
      ipMasq: true,
      ipam: {
        type: 'host-local',
        dataDir: join(state.cni, 'ipam'),
        ranges: [[{ subnet: network.pods }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
}

/** Starts the kubelet, registered as the lab's only node. */
export async function startKubelet(program: string, kubeconfig: string): Promise<void> {
  const resolvConf = join(state.config, 'resolv.conf')
  await writeFile(resolvConf, 'nameserver 127.0.0.1\n')
  const config = join(state.config, 'kubelet.json')
  await writeFile(
    config,
    JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      address: '0.0.0.0',
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true },
        x509: { clientCAFile: join(state.pki, 'ca.crt') },
      },
      authorization: { mode: 'Webhook' },
      tlsCertFile: join(state.pki, 'kubelet.crt'),
      tlsPrivateKeyFile: join(state.pki, 'kubelet.key'),
      clusterDNS: [network.dnsService],
      clusterDomain: 'cluster.local',
      cgroupDriver: 'cgroupfs',
      cgroupRoot: `/${cgroupName}`,
      failSwapOn: false,
      failCgroupV1: false,
      resolvConf,
      podLogsDir: state.podLogs,
      volumePluginDir: join(state.kubelet, 'volume-plugins'),
      containerRuntimeEndpoint: `unix://${state.containerdSocket}`,
      enforceNodeAllocatable: [],
      evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
      imageGCHighThresholdPercent: 100,
      localStorageCapacityIsolation: false,
      readOnlyPort: 0,
      maxPods: 110,
      registryPullQPS: 0,
      nodeStatusUpdateFrequency: '5s',
    }),
  )
  await startDaemon('kubelet', program, [
    `--config=${config}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${network.nodeAddress}`,
    `--root-dir=${state.kubelet}`,
    `--cert-dir=${join(state.kubelet, 'pki')}`,
  ])
}

/** Starts kube-proxy, which also handles the load balancer addresses. */
export async function startProxy(program: string, kubeconfig: string): Promise<void> {
  const config = join(state.config, 'kube-proxy.json')
  await writeFile(
    config,
    JSON.stringify({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      clientConnection: { kubeconfig },
      mode: 'iptables',
      clusterCIDR: '10.244.0.0/16',
      hostnameOverride: nodeName,
      // connection tracking limits apply to the whole host
      conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    }),
  )
  await startDaemon('kube-proxy', program, [`--config=${config}`])
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  )
