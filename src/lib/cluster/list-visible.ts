/** Lists what the user is permitted to see: in all namespaces if allowed, otherwise in selected ones. */
import { CassSniError } from '../errors.ts'
import type { Kube, KubeObject, ListOptions, ResourceType } from './kube.ts'

export interface Visible<T> {
  items: T[]
  /** True if all namespaces were listed. */
  complete: boolean
  /** The CSNI203 error of the cluster-wide list, if that was denied. */
  refusal?: CassSniError | undefined
  /** The requested namespaces for which permission is missing too, with their CSNI203 errors. */
  unreadable: ReadonlyMap<string, CassSniError>
}

/**
 * Lists the objects of a kind in all namespaces or, without that permission, in `namespaces`. Namespaces without
 * permission are returned in `unreadable`. Throws what `Kube.list` throws except CSNI203: CSNI205 if the kind is not
 * served in this version.
 */
export async function listVisible<T extends KubeObject = KubeObject>(
  kube: Pick<Kube, 'list'>,
  type: ResourceType,
  { namespaces, ...selectors }: { namespaces: readonly string[] } & Omit<ListOptions, 'namespace'>,
): Promise<Visible<T>> {
  const everywhere = await unlessForbidden(kube.list<T>(type, selectors))
  if (!(everywhere instanceof CassSniError)) return { items: everywhere, complete: true, unreadable: new Map() }
  const fallbacks = [...new Set(namespaces)]
  const lists = await Promise.all(
    fallbacks.map((namespace) => unlessForbidden(kube.list<T>(type, { ...selectors, namespace }))),
  )
  return {
    items: lists.flatMap((list) => (list instanceof CassSniError ? [] : list)),
    complete: false,
    refusal: everywhere,
    unreadable: new Map(
      fallbacks.flatMap((namespace, index) => {
        const list = lists[index]
        return list instanceof CassSniError ? [[namespace, list] as const] : []
      }),
    ),
  }
}

async function unlessForbidden<T>(list: Promise<T[]>): Promise<T[] | CassSniError> {
  try {
    return await list
  } catch (error) {
    if (error instanceof CassSniError && error.code === 'CSNI203') return error
    throw error
  }
}
