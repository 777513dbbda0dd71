/** Flags shared by the commands of the routes controller. */
import { Flags } from '@oclif/core'
import type { TextRenderer } from '../output/text-renderer.ts'
import type { ControllerInstallOptions } from '../workflows/controller-install-workflow.ts'
import type { DatacenterStatus } from '../workflows/routes-status-workflow.ts'
import { datacenterFlags } from './flags.ts'

/** The controller's own namespace. */
export const controllerNamespaceFlag = {
  'controller-namespace': Flags.string({
    helpValue: 'NAMESPACE',
    default: 'cass-sni',
    summary: 'Namespace of the controller.',
  }),
}

/** What the controller runs and follows. */
export const controllerFlags = {
  image: Flags.string({
    helpValue: 'IMAGE',
    summary: 'Image of the controller (default: that of the installed controller).',
  }),
  'all-namespaces': Flags.boolean({
    char: 'A',
    default: false,
    exclusive: ['watch-namespace'],
    summary: 'Follow the datacenters of all namespaces.',
  }),
  'watch-namespace': Flags.string({
    helpValue: 'NAMESPACE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Follow the datacenters of this namespace (repeatable; default: the current namespace).',
  }),
  datacenter: { ...datacenterFlags.datacenter, summary: 'Follow only this CassandraDatacenter.' },
  'gateway-namespace': Flags.string({
    helpValue: 'NAMESPACE',
    multiple: true,
    multipleNonGreedy: true,
    summary: 'Namespace of an ingress gateway (repeatable; default: those of all Istio ingress gateways).',
  }),
  'renew-certs': Flags.boolean({
    allowNo: true,
    summary: 'Renew node certificates, with access to the Secrets of CA and keystore (default: as installed).',
  }),
  'metadata-name': Flags.string({
    helpValue: '[DATACENTER=]NAME',
    multiple: true,
    multipleNonGreedy: true,
    summary:
      'Run a metadata service for secure connect bundles under this DNS name of the gateway (repeatable; an empty ' +
      'NAME removes it; default: as installed).',
  }),
  ...controllerNamespaceFlag,
}

/** Returns the options from the flags. */
export function controllerOptions(flags: {
  image?: string | undefined
  'all-namespaces': boolean
  'watch-namespace'?: string[] | undefined
  datacenter?: string | undefined
  'gateway-namespace'?: string[] | undefined
  'renew-certs'?: boolean | undefined
  'metadata-name'?: string[] | undefined
  'controller-namespace': string
}): ControllerInstallOptions {
  return {
    namespace: flags['controller-namespace'],
    image: flags.image,
    allNamespaces: flags['all-namespaces'],
    namespaces: flags['watch-namespace'],
    datacenter: flags.datacenter,
    gatewayNamespaces: flags['gateway-namespace'],
    renewCertificates: flags['renew-certs'],
    metadataNames: flags['metadata-name'],
  }
}

/** Formats the state of datacenters as a table; '' without datacenters. */
export function statusTable(datacenters: readonly DatacenterStatus[], renderer: TextRenderer): string {
  if (datacenters.length === 0) return ''
  const color = { synced: renderer.green, failing: renderer.red, unknown: renderer.yellow, disabled: renderer.dim }
  const text = (value: string | undefined) => renderer.printableLine(value ?? '')
  return renderer.table(datacenters, [
    { title: 'NAMESPACE', cell: (one) => text(one.namespace) },
    { title: 'DATACENTER', cell: (one) => text(one.datacenter) },
    { title: 'RESULT', cell: (one) => color[one.result](one.stale ? `${one.result} (stale)` : one.result) },
    { title: 'ROUTED', cell: (one) => one.routed?.toString() ?? '' },
    { title: 'PENDING', cell: (one) => one.pending?.toString() ?? '' },
    { title: 'SINCE', cell: (one) => text(one.since?.replace(/\.\d+Z$/, 'Z')) },
    { title: 'BY', cell: (one) => text(one.by) },
    ...(datacenters.some(({ message }) => message !== undefined)
      ? [{ title: 'REASON', cell: (one: DatacenterStatus) => text([one.code, one.message].filter(Boolean).join(': ')) }]
      : []),
  ])
}
