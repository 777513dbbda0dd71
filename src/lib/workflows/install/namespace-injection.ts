/** Whether to label the namespace for sidecar injection: decided once, before anything is written. */
import type { KubeObject } from '../../cluster/kube.ts'
import { NAMESPACE, POD } from '../../cluster/resources.ts'
import { CassSniError } from '../../errors.ts'
import { namespaceInjection } from '../../istio/injection.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import { counted } from '../../text/counted.ts'
import type { InjectionMode, Setup } from './step.ts'

export interface InjectionChoice {
  mode: InjectionMode
  /** Why the labels are kept, unless a flag or an answer requested it. */
  reason?: string | undefined
}

/** On pods and pod templates; "false" opts out of injection whatever the namespace labels are. */
const INJECT_LABEL = 'sidecar.istio.io/inject'

/**
 * Returns the injection mode: the flag's, else `enable` for a new or empty namespace. A namespace with other pods is
 * labeled only with consent: each pod would get a sidecar at its next restart, and the routes need none.
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
    return { mode: 'keep', reason: "Istio's ingress gateway runs in it" }
  const exposed = await exposedPods(setup)
  if (exposed === undefined) return { mode: 'keep', reason: 'no permission to list its pods' }
  if (exposed.length === 0) return { mode: 'enable' }
  const reason = `${counted(exposed.length, 'pod')} without a sidecar`
  if (context.ask === undefined) return { mode: 'keep', reason }
  const answer = await context.ask({
    kind: 'choose',
    name: 'injection',
    flag: '--injection',
    message: `Label namespace ${namespace} for sidecar injection? (${reason})`,
    initial: 'keep',
    choices: [
      { value: 'keep', label: 'no', hint: 'Routes do not require sidecars.' },
      { value: 'enable', label: 'yes', hint: 'All pods in the namespace get a sidecar when they restart.' },
    ],
  })
  return { mode: answer === 'enable' ? 'enable' : 'keep' }
}

/** Returns the pods that would get a sidecar at their next restart; undefined without permission to list pods. */
async function exposedPods({ context, namespace }: Setup): Promise<KubeObject[] | undefined> {
  const pods = await context.kube.list(POD, { namespace }).catch((error: unknown) => {
    if (error instanceof CassSniError && error.code === 'CSNI203') return undefined
    throw error
  })
  return pods?.filter(({ metadata }) => metadata.labels?.[INJECT_LABEL] !== 'false')
}
