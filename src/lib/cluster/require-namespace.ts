/** Distinguishes a namespace without objects from one that does not exist. */
import { CassSniError, command } from '../errors.ts'
import type { Kube } from './kube.ts'
import { NAMESPACE } from './resources.ts'
import { unless } from './unless.ts'

/** Throws CSNI204 if the namespace does not exist. Without permission to read it, it is taken to exist. */
export async function requireNamespace(kube: Pick<Kube, 'get'>, name: string): Promise<void> {
  const exists = await unless(
    'CSNI203',
    kube.get(NAMESPACE, name).then((found) => found !== undefined),
  )
  if (exists === false)
    throw new CassSniError('CSNI204', `namespace/${name} not found`, {
      object: `namespace/${name}`,
      next: [command`kubectl get namespaces`],
    })
}
