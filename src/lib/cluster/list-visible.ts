/** The one way to list what a user may see: everywhere when that is allowed, else where it is. */
import { CassSniError } from '../errors.ts'
import type { Kube, KubeObject, ListOptions, ResourceType } from './kube.ts'

export interface Visible<T> {
  items: T[]
  /** True when all namespaces were listed. */
  complete: boolean
  /** The CSNI203 of the list over all namespaces, when that was not allowed. */
  refusal?: CassSniError | undefined
  /** Of the namespaces asked for, those that may not be listed either. */
  unreadable: string[]
}

/**
 * The objects of a kind in all namespaces; without that permission, those in `namespaces`. What may not be listed at
 * all is not there, and `unreadable` tells where. Throws what `Kube.list` throws, but for CSNI203: CSNI205 when the
 * kind is not served in this version.
 */
export async function listVisible<T extends KubeObject = KubeObject>(
  kube: Pick<Kube, 'list'>,
  type: ResourceType,
  { namespaces, ...selectors }: { namespaces: readonly string[] } & Omit<ListOptions, 'namespace'>,
): Promise<Visible<T>> {
  const everywhere = await unlessForbidden(kube.list<T>(type, selectors))
  if (!(everywhere instanceof CassSniError)) return { items: everywhere, complete: true, unreadable: [] }
  const places = [...new Set(namespaces)]
  const lists = await Promise.all(
    places.map((namespace) => unlessForbidden(kube.list<T>(type, { ...selectors, namespace }))),
  )
  return {
    items: lists.flatMap((list) => (list instanceof CassSniError ? [] : list)),
    complete: false,
    refusal: everywhere,
    unreadable: places.filter((_, index) => lists[index] instanceof CassSniError),
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
