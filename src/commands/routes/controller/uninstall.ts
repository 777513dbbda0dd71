import { CassSniCommand, type Run } from '../../../lib/cli/base-command.ts'
import { controllerNamespaceFlag } from '../../../lib/cli/controller-flags.ts'
import { changeFlags } from '../../../lib/cli/flags.ts'
import type { TextRenderer } from '../../../lib/output/text-renderer.ts'
import type { ControllerUninstallResult } from '../../../lib/workflows/controller-uninstall-workflow.ts'

export default class RoutesControllerUninstall extends CassSniCommand<ControllerUninstallResult> {
  static override summary = 'Delete the routes controller.'

  static override description =
    'Deletes the controller with its roles, and its namespace if "routes controller install" created it and it is ' +
    'empty, and the metadata services that it runs. The routes of nodes stay unchanged; "routes sync" updates them, ' +
    '"routes delete" deletes them.'

  static override examples = [
    { description: 'Show what would be deleted', command: '<%= config.bin %> routes controller uninstall --dry-run' },
    { description: 'Delete the controller', command: '<%= config.bin %> routes controller uninstall' },
  ]

  static override flags = { ...controllerNamespaceFlag, ...changeFlags }

  protected readonly kind = 'RoutesControllerUninstall'

  protected async work(run: Run): Promise<ControllerUninstallResult> {
    const { flags } = await this.parse(RoutesControllerUninstall)
    const [{ uninstallController }, context] = await Promise.all([
      import('../../../lib/workflows/controller-uninstall-workflow.ts'),
      run.context('Routes controller'),
    ])
    return uninstallController(context, { namespace: flags['controller-namespace'] })
  }

  protected present(result: ControllerUninstallResult, renderer: TextRenderer): string {
    const { deleted, dryRun, namespace, keptNamespace } = result
    if (deleted === 0) return renderer.printableLine(`No routes controller found in namespace ${namespace}.`)
    const kept = keptNamespace ? `Namespace ${namespace} contains other objects and is kept.` : ''
    return renderer.printableLine([dryRun ? '' : 'Routes controller deleted.', kept].filter(Boolean).join(' '))
  }
}
