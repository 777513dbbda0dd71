/**
 * Relaxes Istio's mutual TLS on request. Routes to one Service per node work under STRICT mutual TLS too, so `keep` is
 * the default.
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
  keep: 'kept (routes work under STRICT mutual TLS too)',
  port: "disabled for the CQL port of this datacenter's pods",
  namespace: 'disabled in the namespace',
  mesh: 'disabled mesh-wide',
}

/** Ignores CSNI305: without cass-operator, no datacenter exists to read the port from. */
function ignoreMissingOperator(error: unknown): undefined {
  if (!(error instanceof CassSniError) || error.code !== 'CSNI305') throw error
}

/** Returns the step that relaxes Istio's mutual TLS as --mtls requests. */
export function mtlsStep({ options, context, namespace }: Setup, datacenter: string): InstallStep {
  const { mtls } = options
  return {
    id: 'mtls',
    title: 'Istio mutual TLS',

    async plan(): Promise<StepPlan> {
      if (mtls === 'keep') return { state: 'present', note: NOTES.keep }
      const [mesh, existing] = await Promise.all([
        observeMesh(context.kube),
        findDatacenter(context.kube, { namespace, name: datacenter }).catch(ignoreMissingOperator),
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

    async apply({ changes, note }): Promise<{ note: string }> {
      if (changes !== undefined) await applyChanges(context, changes)
      return { note }
    },
  }
}
