import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The directory of the lab's sources, and its checkout. */
export const labSources = dirname(fileURLToPath(import.meta.url))
export const checkout = resolve(labSources, '..')

/** Built artifacts: kept by `down`, shared by all checkouts. */
export const cacheDir = resolve(process.env.CASS_SNI_LAB_CACHE || '/var/cache/cass-sni-lab')

/** The state of this machine's lab. */
export const stateDir = '/var/lib/cass-sni-lab'
export const state = {
  record: join(stateDir, 'lab.json'),
  pki: join(stateDir, 'pki'),
  config: join(stateDir, 'config'),
  logs: join(stateDir, 'logs'),
  pids: join(stateDir, 'pids'),
  etcd: join(stateDir, 'etcd'),
  containerd: join(stateDir, 'containerd'),
  containerdSocket: join(stateDir, 'containerd.sock'),
  kubelet: join(stateDir, 'kubelet'),
  podLogs: join(stateDir, 'pod-logs'),
  cni: join(stateDir, 'cni'),
  volumes: join(stateDir, 'volumes'),
  fixtures: join(stateDir, 'fixtures'),
  bin: join(stateDir, 'bin'),
  kubeconfig: join(stateDir, 'kubeconfig'),
  auditLog: join(stateDir, 'audit.log'),
  hostSettings: join(stateDir, 'host-settings.json'),
} as const

/** Network namespace, interfaces and addresses. Only `hostLink` and one route exist outside the namespace. */
export const network = {
  namespace: 'cass-sni-lab',
  namespacePath: '/run/netns/cass-sni-lab',
  hostLink: 'cass-sni-lab0',
  nodeLink: 'node0',
  hostAddress: '10.200.0.1',
  nodeAddress: '10.200.0.2',
  linkRange: '10.200.0.0/24',
  loadBalancerRange: '10.200.1.0/24',
  loadBalancerPrefix: '10.200.1.',
  firstLoadBalancer: 10,
  pods: '10.244.0.0/24',
  services: '10.96.0.0/16',
  kubernetesService: '10.96.0.1',
  dnsService: '10.96.0.10',
} as const

export const nodeName = 'node-1'
/** The parent of the pods' cgroups, in every hierarchy. */
export const cgroupName = 'cass-sni-lab'
/** Local volumes that `up` creates: three nodes, a fourth, one for a second datacenter, and spares for replacements. */
export const volumeCount = 7
