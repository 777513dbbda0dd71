/** Checks what a controller is to run and follow before the first write. */
import type { Kube } from '../../cluster/kube.ts'
import { requireNamespaces } from '../../cluster/require-namespace.ts'
import { CASSANDRA_DATACENTER } from '../../cluster/resources.ts'
import { again, CassSniError, command } from '../../errors.ts'
import { imageSyntax, malformedValues, namespaceSyntax } from '../install/field-syntax.ts'
import type { ControllerSettings } from './controller-pods.ts'

/** Throws one CSNI101 that lists every invalid name, before any request to the cluster. */
export function checkNames({
  namespace,
  image,
  namespaces = [],
  gatewayNamespaces = [],
}: Pick<ControllerSettings, 'namespace' | 'namespaces'> & {
  image?: string | undefined
  gatewayNamespaces?: readonly string[] | undefined
}): void {
  const errors = malformedValues([
    ['--controller-namespace', namespace, namespaceSyntax],
    ['--image', image, imageSyntax],
    ...namespaces.map((each) => ['--watch-namespace', each, namespaceSyntax] as const),
    ...gatewayNamespaces.map((each) => ['--gateway-namespace', each, namespaceSyntax] as const),
  ])
  if (errors.length > 0)
    throw new CassSniError('CSNI101', errors.join('; '), {
      next: [command`kubectl cass-sni routes controller install --help`],
    })
}

/**
 * Throws CSNI204 for namespaces that do not exist, CSNI301 for a datacenter that none of the followed namespaces
 * contains. The controller's own namespace may be missing: `install` creates it.
 */
export async function requireScope(
  kube: Kube,
  { namespace, namespaces, datacenter, gatewayNamespaces }: ControllerSettings,
): Promise<void> {
  const used = [...(namespaces ?? []), ...gatewayNamespaces]
  await requireNamespaces(
    kube,
    used.filter((each) => each !== namespace),
  )
  if (datacenter === undefined) return
  const lists = await Promise.all(
    (namespaces ?? [undefined]).map((each) => kube.list(CASSANDRA_DATACENTER, { namespace: each })),
  )
  const names = [...new Set(lists.flat().map(({ metadata }) => metadata.name))].sort()
  if (names.includes(datacenter)) return
  const where =
    namespaces === undefined
      ? 'any namespace'
      : `${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${namespaces.join(', ')}`
  const available = names.length === 0 ? '' : ` (available: ${names.join(', ')})`
  throw new CassSniError('CSNI301', `cassandradatacenter/${datacenter} not found in ${where}${available}`, {
    object: `cassandradatacenter/${datacenter}`,
    next:
      names.length === 0
        ? [command`kubectl get cassandradatacenters -A`]
        : names.map((each) => again`--datacenter ${each}`),
  })
}
