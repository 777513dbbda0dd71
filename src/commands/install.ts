import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../lib/command.ts'
import { CassSniError } from '../lib/errors.ts'
import { changeFlags, datacenterFlags } from '../lib/flags.ts'
import type { Show } from '../lib/output/show.ts'
import type { InstallResult } from '../lib/workflows/install.ts'

/** "key=value" pairs of a repeatable flag. */
function pairs(texts: string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1)
        throw new CassSniError('CSNI101', `${flag} ${text} is not KEY=VALUE`, {
          next: ['kubectl cass-sni install --help'],
        })
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

export default class Install extends CassSniCommand<InstallResult> {
  static override summary = 'Bring up Istio, cass-operator and a Cassandra datacenter with TLS, as far as they are not there yet.'
  static override description =
    'Looks at the cluster first and changes only what differs: an Istio, an operator, a StorageClass or a datacenter that is there is kept. Interrupted, the next run goes on from there. On a terminal it shows the plan, asks for what it cannot find out, and asks once before it changes anything.'
  static override examples = [
    {
      description: 'Walk through it on a terminal',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'See what would be done',
      command: '<%= config.bin %> <%= command.id %> --operator-manifest cass-operator/ --dry-run',
    },
    {
      description: 'Without questions, with a datacenter of your own',
      command: '<%= config.bin %> <%= command.id %> -n cass-operator --operator-chart k8ssandra/cass-operator --datacenter-file dc1.yaml --yes',
    },
    {
      description: 'Make the StorageClass of the blog',
      command: '<%= config.bin %> <%= command.id %> --storage-provisioner pd.csi.storage.gke.io --storage-parameter type=pd-ssd',
    },
  ]
  static override flags = {
    ...datacenterFlags,
    'set-context': Flags.boolean({
      default: false,
      summary: "Make the namespace the current context's own.",
    }),
    istioctl: Flags.string({
      default: 'istioctl',
      helpValue: 'PROGRAM',
      helpGroup: 'ISTIO',
      summary: 'The istioctl to run when there is no Istio.',
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
      summary: 'Revision that injects the sidecars, when there are several.',
    }),
    mtls: Flags.option({
      options: ['keep', 'port', 'namespace', 'mesh'] as const,
      default: 'keep' as const,
      helpGroup: 'ISTIO',
      summary:
        "What to do with Istio's mutual TLS. keep: nothing, the routes do not need it; port: off for 9042 of these pods; namespace; mesh: off everywhere, as in the blog.",
    })(),
    'operator-manifest': Flags.string({
      helpValue: 'FILE|DIR|URL',
      helpGroup: 'OPERATOR',
      exclusive: ['operator-chart'],
      summary: 'Manifest of cass-operator; a folder is a kustomization.',
    }),
    'operator-chart': Flags.string({
      helpValue: 'CHART',
      helpGroup: 'OPERATOR',
      summary: 'Helm chart of cass-operator, installed by your helm.',
    }),
    helm: Flags.string({
      default: 'helm',
      helpValue: 'PROGRAM',
      helpGroup: 'OPERATOR',
      summary: 'The helm to run.',
    }),
    kubectl: Flags.string({
      default: 'kubectl',
      helpValue: 'PROGRAM',
      helpGroup: 'OPERATOR',
      summary: 'The kubectl to run for kustomizations and --set-context.',
    }),
    'storage-class': Flags.string({
      helpValue: 'NAME',
      helpGroup: 'STORAGE',
      summary: "StorageClass of the data volumes; default: the cluster's default class.",
    }),
    'storage-provisioner': Flags.string({
      helpValue: 'NAME',
      helpGroup: 'STORAGE',
      summary: 'Make the StorageClass server-storage with this provisioner.',
    }),
    'storage-parameter': Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'KEY=VALUE',
      helpGroup: 'STORAGE',
      summary: 'Parameter of the StorageClass; may be repeated.',
    }),
    'storage-size': Flags.string({
      helpValue: 'QUANTITY',
      helpGroup: 'STORAGE',
      summary: 'Volume size of each node; default 10Gi.',
    }),
    'datacenter-file': Flags.string({
      helpValue: 'FILE',
      helpGroup: 'DATACENTER',
      summary: 'File with the CassandraDatacenter; other flags are put on top.',
    }),
    'cluster-name': Flags.string({
      helpValue: 'NAME',
      helpGroup: 'DATACENTER',
      summary: 'Name of the Cassandra cluster; default dse.',
    }),
    size: Flags.integer({
      min: 1,
      helpValue: 'N',
      helpGroup: 'DATACENTER',
      summary: 'Number of Cassandra nodes; default 3.',
    }),
    'server-type': Flags.option({
      options: ['cassandra', 'dse', 'hcd'] as const,
      helpGroup: 'DATACENTER',
      summary: 'Server; default cassandra.',
    })(),
    'server-version': Flags.string({
      helpValue: 'VERSION',
      helpGroup: 'DATACENTER',
      summary: 'Version of the server; default 5.0.6 for cassandra.',
    }),
    'server-image': Flags.string({
      helpValue: 'IMAGE',
      helpGroup: 'DATACENTER',
      summary: "Image of the server; default: the operator's.",
    }),
    'service-account': Flags.string({
      helpValue: 'NAME',
      helpGroup: 'DATACENTER',
      summary: 'Service account of the pods; default: one is made.',
    }),
    cpu: Flags.string({
      helpValue: 'QUANTITY',
      helpGroup: 'DATACENTER',
      summary: 'CPU that each node asks for; default 2.',
    }),
    memory: Flags.string({
      helpValue: 'QUANTITY',
      helpGroup: 'DATACENTER',
      summary: 'Memory that each node asks for; default 4Gi.',
    }),
    heap: Flags.string({
      helpValue: 'SIZE',
      helpGroup: 'DATACENTER',
      summary: 'Java heap of each node, e.g. 2G.',
    }),
    'allow-multiple-nodes-per-worker': Flags.boolean({
      helpGroup: 'DATACENTER',
      summary: 'Let several Cassandra nodes share a Kubernetes node.',
    }),
    'allow-plaintext': Flags.boolean({
      default: false,
      helpGroup: 'DATACENTER',
      summary: 'Let clients connect without TLS too (optional: true, as in the blog).',
    }),
    ...changeFlags,
  }

  protected readonly kind = 'Install'

  protected async work(run: Run): Promise<InstallResult> {
    const { flags } = await this.parse(Install)
    const { install } = await import('../lib/workflows/install.ts')
    return install(await run.context('Install'), {
      setContext: flags['set-context'],
      istioctl: flags.istioctl,
      istioProfile: flags['istio-profile'],
      istioValues: flags['istio-values'],
      istioRevision: flags['istio-revision'],
      mtls: flags.mtls,
      operatorManifest: flags['operator-manifest'],
      operatorChart: flags['operator-chart'],
      helm: flags.helm,
      kubectl: flags.kubectl,
      storageClass: flags['storage-class'],
      storageProvisioner: flags['storage-provisioner'],
      storageParameters: pairs(flags['storage-parameter'] ?? [], '--storage-parameter'),
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
      heap: flags.heap,
      allowMultipleNodesPerWorker: flags['allow-multiple-nodes-per-worker'],
      allowPlaintext: flags['allow-plaintext'],
      clusterDomain: flags['cluster-domain'],
      kubeOptions: run.kubeOptions,
    })
  }

  protected override present(result: InstallResult, show: Show): string {
    const planned = result.steps.filter((step) => step.state === 'planned')
    const lines: string[] = []
    if (planned.length > 0) {
      lines.push('Would do:')
      for (const step of planned) {
        lines.push(`  ${step.title}: ${show.printableLine(step.note)}`)
        if (step.command !== undefined) lines.push(`    runs: ${show.printableLine(step.command.join(' '))}`)
      }
    } else {
      const changed = result.steps.some((step) => step.state === 'changed')
      lines.push(`${changed ? '' : 'Nothing had to change: '}datacenter ${result.datacenter} in namespace ${result.namespace} is ready.`)
    }
    const nodes = show.table(result.nodes, [
      { title: 'NODE', cell: (node) => show.printableLine(node.pod) },
      { title: 'RACK', cell: (node) => show.printableLine(node.rack) },
      { title: 'STATE', cell: (node) => show.printableLine(node.state) },
      { title: 'HOST ID', cell: (node) => node.hostId ?? 'not yet' },
    ])
    if (nodes !== '') lines.push('', nodes)
    if (planned.length === 0) lines.push('', 'Next:', ...result.next.map((command) => `  ${command}`))
    return lines.join('\n')
  }
}
