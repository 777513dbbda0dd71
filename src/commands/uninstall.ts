import { Flags } from '@oclif/core'
import { CassSniCommand, type Run } from '../lib/cli/base-command.ts'
import { changeFlags } from '../lib/cli/flags.ts'
import { CassSniError } from '../lib/errors.ts'
import type { TextRenderer } from '../lib/output/text-renderer.ts'
import type { UninstallResult } from '../lib/workflows/uninstall-workflow.ts'

export default class Uninstall extends CassSniCommand<UninstallResult> {
  static override summary = 'Revert what the other commands changed in the cluster.'

  static override description =
    "Deletes the routes, closes the ports on the gateways' Services, deletes the PeerAuthentications of " +
    '"install --mtls", and removes the labels and annotations that this plugin set. Values that others set or need ' +
    'are kept, and certificates are not changed.\n' +
    '\n' +
    'With --all, in all namespaces, and routes controllers and an unused StorageClass too. Istio and cass-operator ' +
    'are never removed.\n' +
    '\n' +
    'A CassandraDatacenter is deleted with its data only if --delete-data names it and "install" created it.'

  static override examples = [
    { description: 'Show what would be reverted', command: '<%= config.bin %> uninstall -n cassandra --dry-run' },
    {
      description: 'Revert the changes for one datacenter',
      command: '<%= config.bin %> uninstall -n cassandra -d dc1',
    },
    { description: 'Revert everything, in all namespaces', command: '<%= config.bin %> uninstall --all' },
    {
      description: 'Delete a datacenter and its data as well',
      command: '<%= config.bin %> uninstall -n cassandra --delete-data dc1',
    },
  ]

  static override flags = {
    datacenter: Flags.string({
      char: 'd',
      helpValue: 'NAME',
      summary: 'Only this CassandraDatacenter (default: all in the namespace).',
    }),
    all: Flags.boolean({ default: false, exclusive: ['datacenter', 'namespace'], summary: 'In all namespaces.' }),
    'delete-data': Flags.string({
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
      summary: 'Delete this CassandraDatacenter and its data too; can be repeated.',
    }),
    ...changeFlags,
  }

  protected readonly kind = 'Uninstall'

  protected async work(run: Run): Promise<UninstallResult> {
    const { flags } = await this.parse(Uninstall)
    const { datacenter, all, 'delete-data': deleteData = [] } = flags
    const other = deleteData.find((name) => datacenter !== undefined && name !== datacenter)
    if (other !== undefined)
      throw new CassSniError('CSNI101', `--delete-data ${other} conflicts with --datacenter ${datacenter}`)
    const [{ uninstall }, context] = await Promise.all([
      import('../lib/workflows/uninstall-workflow.ts'),
      run.context('Uninstall'),
    ])
    return uninstall(context, { datacenter, all, deleteData })
  }

  protected present({ namespace, deleted, released, left, dryRun }: UninstallResult, renderer: TextRenderer): string {
    const where = namespace === undefined ? 'in the cluster' : `in namespace ${renderer.printableLine(namespace)}`
    const lines = deleted + released === 0 ? [`Nothing to revert ${where}.`] : dryRun ? [] : ['All changes reverted.']
    if (left.length > 0) {
      const texts = left.map((each) => {
        const at = each.namespace === undefined ? '' : ` in namespace ${each.namespace}`
        return `  ${renderer.printableLine(`${each.object}${at}: ${each.reason}`)}`
      })
      lines.push('Kept:', ...texts)
    }
    return lines.join('\n')
  }
}
