import { CassSniCommand, type Run } from '../../../lib/cli/base-command.ts'
import { controllerFlags, controllerOptions } from '../../../lib/cli/controller-flags.ts'
import { outputFlag, timeoutFlag } from '../../../lib/cli/flags.ts'
import type { TextRenderer } from '../../../lib/output/text-renderer.ts'
import type { ControllerManifestResult } from '../../../lib/workflows/controller-install-workflow.ts'

export default class RoutesControllerManifest extends CassSniCommand<ControllerManifestResult> {
  static override summary = 'Print the manifest of the routes controller.'

  static override description =
    'Prints the objects that "routes controller install" applies, as YAML, for GitOps or for review. Changes nothing.'

  static override examples = [
    {
      description: 'Apply with kubectl',
      command:
        '<%= config.bin %> routes controller manifest -n cassandra --image registry.example.com/cass-sni:1 ' +
        '| kubectl apply --server-side -f -',
    },
    {
      description: 'For all namespaces, into a file',
      command:
        '<%= config.bin %> routes controller manifest -A --image registry.example.com/cass-sni:1 > controller.yaml',
    },
  ]

  static override flags = { ...controllerFlags, ...timeoutFlag, output: outputFlag(['text', 'json']) }

  protected readonly kind = 'RoutesControllerManifest'

  #text = ''

  protected async work(run: Run): Promise<ControllerManifestResult> {
    const { flags } = await this.parse(RoutesControllerManifest)
    const [{ controllerManifest }, { serialize }, context] = await Promise.all([
      import('../../../lib/workflows/controller-install-workflow.ts'),
      import('../../../lib/output/envelope.ts'),
      run.context('Routes controller'),
    ])
    const result = await controllerManifest(context, controllerOptions(flags))
    const documents = await Promise.all(result.objects.map((object) => serialize(object, 'yaml')))
    this.#text = documents.map((document) => `---\n${document}`).join('')
    return result
  }

  protected present(_result: ControllerManifestResult, _renderer: TextRenderer): string {
    return this.#text
  }
}
