/** Whether the namespace is labeled for Istio's sidecar injection: decided once, before anything is written. */
import type { KubeObject } from '../../cluster/kube.ts'
import { NAMESPACE, POD } from '../../cluster/resources.ts'
import { CassSniError } from '../../errors.ts'
import { namespaceInjection } from '../../istio/injection.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import type { InjectionMode, Setup } from './step.ts'

export interface InjectionChoice {
  mode: InjectionMode
  /** Why the labels stay, when nobody said so. */
  why?: string | undefined
}

/** Of pods and their templates; "false" keeps the sidecar out whatever the namespace says. */
const INJECT_LABEL = 'sidecar.istio.io/inject'

/**
 * By the flag; else a namespace that this run creates, or in which nothing runs, is labeled as in the blog, and one in
 * which other pods run is not without consent: each would get a sidecar at its next restart, and the routes need none.
 */
export async function chooseInjection(setup: Setup): Promise<InjectionChoice> {
  const { options, context, namespace } = setup
  if (options.injection !== undefined) return { mode: options.injection }
  if (options.istioRevision !== undefined) return { mode: 'enable' }
  const live = await context.kube.get(NAMESPACE, namespace)
  if (live === undefined) return { mode: 'enable' }
  const { mode } = namespaceInjection(live.metadata.labels ?? {})
  if (mode === 'declined' || mode === 'ambient') return { mode: 'keep' }
  if (mode === 'sidecar') return { mode: 'enable' }
  const { gateways } = await observeMesh(context.kube)
  if (gateways.some((each) => each.namespace === namespace))
    return { mode: 'keep', why: "Istio's ingress gateway runs there" }
  const exposed = await exposedPods(setup)
  if (exposed === undefined) return { mode: 'keep', why: 'its pods cannot be listed' }
  if (exposed.length === 0) return { mode: 'enable' }
  const why = `${exposed.length} pod${exposed.length === 1 ? '' : 's'} without a sidecar in the namespace`
  if (context.ask === undefined) return { mode: 'keep', why }
  const answer = await context.ask({
    kind: 'choose',
    name: 'injection',
    flag: '--injection',
    message: `Label namespace ${namespace} for sidecar injection? ${why}`,
    initial: 'keep',
    choices: [
      { value: 'keep', label: 'no', hint: 'The routes need no sidecar.' },
      { value: 'enable', label: 'yes', hint: 'All pods there get a sidecar when they restart.' },
    ],
  })
  return { mode: answer === 'enable' ? 'enable' : 'keep' }
}

/** The pods that would get a sidecar at their next restart; undefined without the permission to list pods. */
async function exposedPods({ context, namespace }: Setup): Promise<KubeObject[] | undefined> {
  const pods = await context.kube.list(POD, { namespace }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI203') return undefined
    throw error
  })
  return pods?.filter(({ metadata }) => metadata.labels?.[INJECT_LABEL] !== 'false')
}
