/** Distinguishes a namespace without objects from one that does not exist. */
import { CassSniError, command } from '../errors.ts'
import type { Kube } from './kube.ts'
import { NAMESPACE } from './resources.ts'
import { unless } from './unless.ts'

/** Throws CSNI204 if the namespace does not exist. Without permission to read it, it is taken to exist. */
export async function requireNamespace(kube: Pick<Kube, 'get'>, name: string): Promise<void> {
  await requireNamespaces(kube, [name])
}

/** The same for several; the error names all that are missing. */
export async function requireNamespaces(kube: Pick<Kube, 'get'>, names: readonly string[]): Promise<void> {
  const missing = await Promise.all(
    [...new Set(names)].sort().map(async (name) => {
      const exists = await unless(
        'CSNI203',
        kube.get(NAMESPACE, name).then((found) => found !== undefined),
      )
      return exists === false ? [name] : []
    }),
  )
  const [first, ...others] = missing.flat()
  if (first === undefined) return
  const object = others.length === 0 ? `namespace/${first}` : `namespaces ${[first, ...others].join(', ')}`
  throw new CassSniError('CSNI204', `${object} not found`, { object, next: [command`kubectl get namespaces`] })
}

/**
 * Returns the namespaces that are not being deleted: in the others, nothing can be created. A namespace without
 * permission to read it is returned, too.
 */
export async function lastingNamespaces(kube: Pick<Kube, 'get'>, names: readonly string[]): Promise<string[]> {
  const lasting = await Promise.all(
    names.map(async (name) => {
      const namespace = await unless('CSNI203', kube.get(NAMESPACE, name))
      return namespace?.metadata.deletionTimestamp === undefined ? [name] : []
    }),
  )
  return lasting.flat()
}
