/** The flags of `install`, and their mapping to workflow options. */
import { Flags, type Interfaces } from '@oclif/core'
import type { KubeOptions } from '../cluster/kube.ts'
import { CassSniError, command } from '../errors.ts'
import { authorityFlags, authorityOptions } from './authority-flags.ts'
import { changeFlags, datacenterFlags } from './flags.ts'
import type { InstallOptions } from '../workflows/install-workflow.ts'

export const installFlags = {
  ...datacenterFlags,
  'set-context': Flags.boolean({
    default: false,
    summary: 'Set the namespace on the current context.',
  }),
  istioctl: Flags.string({
    default: 'istioctl',
    helpValue: 'PROGRAM',
    helpGroup: 'ISTIO',
    summary: 'Path to istioctl, used if Istio is not installed.',
  }),
  'istio-profile': Flags.string({
    helpValue: 'NAME',
    helpGroup: 'ISTIO',
    summary: 'Profile for istioctl install.',
  }),
  'istio-values': Flags.string({
    helpValue: 'FILE',
    helpGroup: 'ISTIO',
    summary: 'IstioOperator file for istioctl install.',
  }),
  'istio-revision': Flags.string({
    helpValue: 'REVISION',
    helpGroup: 'ISTIO',
    summary: 'Revision or tag that injects sidecars (required if there is more than one).',
  }),
  injection: Flags.option({
    options: ['keep', 'enable', 'none'] as const,
    helpGroup: 'ISTIO',
    summary:
      'Sidecar injection label of the namespace; not required by the routes (default: enable for a namespace ' +
      'without pods, else keep).',
  })(),
  mtls: Flags.option({
    options: ['keep', 'port', 'namespace', 'mesh'] as const,
    default: 'keep' as const,
    helpGroup: 'ISTIO',
    summary:
      'Istio mutual TLS. keep: unchanged, sufficient for the routes; port: disable for port 9042 of these ' +
      'pods; namespace: disable for the namespace; mesh: disable mesh-wide.',
  })(),
  'operator-manifest': Flags.string({
    helpValue: 'FILE|DIR|URL',
    helpGroup: 'OPERATOR',
    exclusive: ['operator-chart'],
    summary: 'cass-operator manifest, or a kustomization (directory, or URL with ?ref=).',
  }),
  'operator-chart': Flags.string({
    helpValue: 'CHART',
    helpGroup: 'OPERATOR',
    summary: 'cass-operator Helm chart, such as k8ssandra/cass-operator.',
  }),
  helm: Flags.string({
    default: 'helm',
    helpValue: 'PROGRAM',
    helpGroup: 'OPERATOR',
    summary: 'Path to helm.',
  }),
  kubectl: Flags.string({
    default: 'kubectl',
    helpValue: 'PROGRAM',
    helpGroup: 'OPERATOR',
    summary: 'Path to kubectl, for kustomizations and --set-context.',
  }),
  'storage-class': Flags.string({
    helpValue: 'NAME',
    helpGroup: 'STORAGE',
    summary: "StorageClass for data volumes (default: the cluster's default class).",
  }),
  'storage-provisioner': Flags.string({
    helpValue: 'NAME',
    helpGroup: 'STORAGE',
    summary: 'Create StorageClass server-storage with this provisioner.',
  }),
  'storage-parameter': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'KEY=VALUE',
    helpGroup: 'STORAGE',
    summary: 'StorageClass parameter (repeatable).',
  }),
  'storage-reclaim-policy': Flags.option({
    options: ['Retain', 'Delete'] as const,
    helpGroup: 'STORAGE',
    summary: 'StorageClass reclaim policy (default: Retain).',
  })(),
  'allow-volume-expansion': Flags.boolean({
    allowNo: true,
    helpGroup: 'STORAGE',
    summary: 'Allow volume expansion in the StorageClass (default: true).',
  }),
  'storage-size': Flags.string({
    helpValue: 'QUANTITY',
    helpGroup: 'STORAGE',
    summary: 'Volume size per node (default: 10Gi).',
  }),
  'datacenter-file': Flags.string({
    helpValue: 'FILE',
    helpGroup: 'DATACENTER',
    summary: 'CassandraDatacenter manifest; other flags override it.',
  }),
  'cluster-name': Flags.string({
    helpValue: 'NAME',
    helpGroup: 'DATACENTER',
    summary: 'Cassandra cluster name (default: dse).',
  }),
  size: Flags.integer({
    min: 1,
    helpValue: 'N',
    helpGroup: 'DATACENTER',
    summary: 'Number of Cassandra nodes (default: 3).',
  }),
  'server-type': Flags.option({
    options: ['cassandra', 'dse', 'hcd'] as const,
    helpGroup: 'DATACENTER',
    summary: 'Server type (default: cassandra).',
  })(),
  'server-version': Flags.string({
    helpValue: 'VERSION',
    helpGroup: 'DATACENTER',
    summary: 'Server version (default: 5.0.6 for cassandra).',
  }),
  'server-image': Flags.string({
    helpValue: 'IMAGE',
    helpGroup: 'DATACENTER',
    summary: "Server image (default: the operator's).",
  }),
  'service-account': Flags.string({
    helpValue: 'NAME',
    helpGroup: 'DATACENTER',
    summary: 'ServiceAccount for Cassandra pods (default: create one).',
  }),
  cpu: Flags.string({
    helpValue: 'QUANTITY',
    helpGroup: 'DATACENTER',
    summary: 'CPU request per Cassandra node (default: 2).',
  }),
  'cpu-limit': Flags.string({
    helpValue: 'QUANTITY',
    helpGroup: 'DATACENTER',
    summary: 'CPU limit per Cassandra node (default: none, or the request with --allow-multiple-nodes-per-worker).',
  }),
  memory: Flags.string({
    helpValue: 'QUANTITY',
    helpGroup: 'DATACENTER',
    summary: 'Memory request per Cassandra node (default: 4Gi).',
  }),
  'memory-limit': Flags.string({
    helpValue: 'QUANTITY',
    helpGroup: 'DATACENTER',
    summary: 'Memory limit per Cassandra node (default: none, or the request with --allow-multiple-nodes-per-worker).',
  }),
  heap: Flags.string({
    helpValue: 'SIZE',
    helpGroup: 'DATACENTER',
    summary: 'Java heap per Cassandra node, such as 2G.',
  }),
  'allow-multiple-nodes-per-worker': Flags.boolean({
    helpGroup: 'DATACENTER',
    summary: 'Allow several Cassandra nodes on one worker node.',
  }),
  ...authorityFlags,
  'allow-plaintext': Flags.boolean({
    default: false,
    helpGroup: 'DATACENTER',
    summary: 'Also accept client connections without TLS (optional: true).',
  }),
  'allow-scale-down': Flags.boolean({
    default: false,
    helpGroup: 'DESTRUCTIVE CHANGE',
    summary: 'Allow removing nodes or stopping the datacenter.',
  }),
  'allow-downgrade': Flags.boolean({
    default: false,
    helpGroup: 'DESTRUCTIVE CHANGE',
    summary: 'Allow an older server version.',
  }),
  'allow-server-type-change': Flags.boolean({
    default: false,
    helpGroup: 'DESTRUCTIVE CHANGE',
    summary: 'Allow a different server type.',
  }),
  'allow-storage-change': Flags.boolean({
    default: false,
    helpGroup: 'DESTRUCTIVE CHANGE',
    summary: 'Allow enlarging data volumes.',
  }),
  ...changeFlags,
}

type InstallFlags = Interfaces.InferredFlags<typeof installFlags>

/** Returns the workflow's options. Throws CSNI101 for a parameter other than KEY=VALUE. */
export function installOptions(flags: InstallFlags, kubeOptions: KubeOptions): InstallOptions {
  return {
    setContext: flags['set-context'],
    istioctl: flags.istioctl,
    istioProfile: flags['istio-profile'],
    istioValues: flags['istio-values'],
    istioRevision: flags['istio-revision'],
    injection: flags.injection,
    mtls: flags.mtls,
    operatorManifest: flags['operator-manifest'],
    operatorChart: flags['operator-chart'],
    helm: flags.helm,
    kubectl: flags.kubectl,
    storageClass: flags['storage-class'],
    storageProvisioner: flags['storage-provisioner'],
    storageParameters: pairs(flags['storage-parameter'] ?? [], '--storage-parameter'),
    storageReclaimPolicy: flags['storage-reclaim-policy'],
    allowVolumeExpansion: flags['allow-volume-expansion'],
    storageSize: flags['storage-size'],
    datacenterFile: flags['datacenter-file'],
    datacenterName: flags.datacenter,
    clusterName: flags['cluster-name'],
    size: flags.size,
    serverType: flags['server-type'],
    serverVersion: flags['server-version'],
    serverImage: flags['server-image'],
    serviceAccount: flags['service-account'],
    cpu: flags.cpu,
    memory: flags.memory,
    cpuLimit: flags['cpu-limit'],
    memoryLimit: flags['memory-limit'],
    heap: flags.heap,
    allowMultipleNodesPerWorker: flags['allow-multiple-nodes-per-worker'],
    allowPlaintext: flags['allow-plaintext'],
    allow: {
      scaleDown: flags['allow-scale-down'],
      downgrade: flags['allow-downgrade'],
      serverType: flags['allow-server-type-change'],
      storage: flags['allow-storage-change'],
    },
    clusterDomain: flags['cluster-domain'],
    authority: authorityOptions(flags),
    kubeOptions,
  }
}

/** Parses the "key=value" pairs of a repeatable flag. */
function pairs(texts: string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1)
        throw new CassSniError('CSNI101', `invalid value "${text}" for ${flag}: expected KEY=VALUE`, {
          next: [command`kubectl cass-sni install --help`],
        })
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}
