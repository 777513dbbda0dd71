/**
 * The blog switches mutual TLS off mesh-wide; with one Service per node nothing is needed, so `keep` is the default.
 */
import { findDatacenter } from '../../cassandra/observe-datacenter.ts'
import { applyChanges } from '../../changes/apply.ts'
import { planChanges } from '../../changes/change-plan.ts'
import { validateChanges } from '../../changes/validate.ts'
import { observeMesh } from '../../istio/observe-mesh.ts'
import { CassSniError } from '../../errors.ts'
import { desiredPeerAuthentication } from '../../routes/peer-authentication.ts'
import { type InstallStep, isSettled, type Setup, type StepPlan } from './step.ts'

const NOTES = {
  keep: 'kept as it is: routes to one Service per node work under STRICT mTLS too',
  port: "off for the CQL port of this datacenter's pods",
  namespace: 'off in the namespace',
  mesh: 'off in the whole mesh, as in the blog',
}

/** Before the operator is installed there is no datacenter whose port could be read. */
function withoutOperator(error: unknown): undefined {
  if (!(error instanceof CassSniError) || error.code !== 'CSNI305') throw error
}

/** The step that relaxes Istio's mutual TLS where --mtls says so. */
export function mtlsStep({ options, context, namespace }: Setup, datacenter: string): InstallStep {
  const { mtls } = options
  return {
    id: 'mtls',
    title: "Istio's mutual TLS",

    async look(): Promise<StepPlan> {
      if (mtls === 'keep') return { state: 'present', note: NOTES.keep }
      const [mesh, existing] = await Promise.all([
        observeMesh(context.kube),
        findDatacenter(context.kube, { namespace, name: datacenter }).catch(withoutOperator),
      ])
      const desired = desiredPeerAuthentication(mtls, {
        namespace,
        datacenter,
        nativePort: existing?.nativePort,
        rootNamespace: mesh.istiods[0]?.namespace ?? 'istio-system',
        securityVersion: mesh.securityVersion ?? 'v1beta1',
      })
      const changes = await planChanges(context.kube, desired)
      const { warnings } = await validateChanges(context.kube, changes)
      return { state: isSettled(changes) ? 'present' : 'change', note: NOTES[mtls], changes, warnings }
    },

    async change({ changes, note }): Promise<{ note: string }> {
      if (changes !== undefined) await applyChanges(context, changes)
      return { note }
    },
  }
}
